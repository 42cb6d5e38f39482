"""What an upstream said, masked and in a form that can be passed on (docs/security-rules.md, "Redaction").

Owns: what is masked, what is withheld, and the order: the bytes are masked as they came and decoded afterwards. How a
value is found is `secrets_app/redaction/redactor.py`, which bodies are compressed is `decoding.py`.
"""

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from types import MappingProxyType
from typing import Any

from integrations.exchange.messages import UpstreamResponse
from integrations.transport.reception import is_compressed
from secrets_app.plaintext import Plaintext
from secrets_app.redaction.redactor import Masked, Redactor


class BodyType(StrEnum):
    """How the body is passed on; `withheld` is not passed on at all."""

    JSON = "json"
    TEXT = "text"
    BASE64 = "base64"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class Answer:
    """The masked response. `body` is parsed JSON, text, base64 text, or None when withheld."""

    status: int | None
    succeeded: bool
    reason: str
    headers: list[tuple[str, str]]
    body: Any
    body_type: BodyType
    body_bytes: int
    masked: list[str]


DEEPEST_JSON = 200
"""Levels that every writer of JSON after us can follow, however deep in the stack it is called."""

WITHHELD = "[withheld]"
"""Stands for a header or a reason that holds a value which cannot be cut out of it."""


def mask_response(
    response: UpstreamResponse,
    secrets: Mapping[str, Plaintext],
    composites: Mapping[str, Sequence[Plaintext]] = MappingProxyType({}),
) -> Answer:
    """Mask every value used, in status line, headers and body. What cannot be checked is withheld.

    A value in the head that cannot be cut out of it withholds the body as well (docs/security-rules.md, "Redaction").

    Args:
        secrets: the values of this run, by name.
        composites: texts made of them that were sent, such as the credential of basic authentication. What stands
            under an empty name is masked and not told.
    """
    said = [response.reason, response.body, *chain.from_iterable(response.headers)]
    redactor = Redactor(secrets, composites)
    parts = redactor.mask_all(said)
    reason, content, *head = parts
    headers = zip(head[::2], head[1::2], strict=True)
    body, body_type = None, BodyType.WITHHELD
    if _can_be_checked(response) and not any(part.withheld for part in parts):
        body, body_type, respelt = _present(content.text, says_json=b"json" in _content_type(response))
        if respelt and (found := redactor.mask_bytes(respelt)).found:
            parts.append(found)
            body, body_type = None, BodyType.WITHHELD
    return Answer(
        status=response.status,
        succeeded=response.is_success,
        reason=_shown(reason),
        headers=[(_shown(name), _shown(value)) for name, value in headers],
        body=body,
        body_type=body_type,
        body_bytes=len(response.body),
        masked=sorted({name for part in parts for name in part.found if name}),
    )


def _shown(part: Masked) -> str:
    """A piece of the head as text; withheld whole where a value cannot be cut out of it."""
    return WITHHELD if part.withheld else part.text.decode("utf-8", "replace")


def _can_be_checked(response: UpstreamResponse) -> bool:
    """Whether a value in the body would show (docs/security-rules.md, "Redaction"): compressed, it shows in none of its
    forms.
    """
    return response.readable and (_text(response.body) is not None or not is_compressed(response.body))


def _content_type(response: UpstreamResponse) -> bytes:
    return next((value.lower() for name, value in response.headers if name.lower() == b"content-type"), b"")


def _present(body: bytes, *, says_json: bool) -> tuple[Any, BodyType, bytes]:
    """JSON where the upstream says so or it looks like it, and it is; else text if UTF-8; else base64.

    The last one is the JSON as it will be written, where that spells something otherwise than the upstream did.
    """
    text = _text(body)
    if text is None:
        return base64.b64encode(body).decode("ascii"), BodyType.BASE64, b""
    if not says_json and not text.lstrip().startswith(("{", "[")):
        return text, BodyType.TEXT, b""
    try:
        value, respelt = _parsed(text)
    except (ValueError, RecursionError):
        return text, BodyType.TEXT, b""
    return value, BodyType.JSON, respelt


def _text(body: bytes) -> str | None:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _parsed(text: str) -> tuple[Any, bytes]:
    """JSON that can be written again as JSON; raises ValueError or RecursionError for anything else.

    Numbers are written as Python does: `1.2345678E7`, in which no value was found, becomes `12345678.0`, which may hold
    one. Strings are not written in a form that the masking has not looked at.
    """
    is_respelt = False

    def finite(number: str) -> float:
        nonlocal is_respelt
        read = _finite(number)
        is_respelt = is_respelt or repr(read) != number
        return read

    value = json.loads(text, parse_float=finite, parse_constant=_refuse_constant)
    if text.count("[") + text.count("{") > DEEPEST_JSON and _is_deeper(value, DEEPEST_JSON):
        raise ValueError("too deep")
    if not is_respelt and "\\u" not in text:
        return value, b""
    written = json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair can be spelt in JSON alone
    return value, written if is_respelt else b""


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects are nested more than `levels` deep."""
    if not isinstance(value, dict | list):
        return False
    children = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(child, levels - 1) for child in children)


def _finite(text: str) -> float:
    """`1e999` is JSON, and infinity to Python, which would write it as `Infinity`."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("too large")
    return number


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
