"""What an upstream said, masked and in a form that can be passed on (DESIGN section 6, step 8)."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from integrations.transport import UpstreamResponse
from secrets_app.plaintext import Plaintext
from secrets_app.redaction import Redactor


class BodyType(StrEnum):
    """How the body is passed on; `withheld` is not passed on at all."""

    JSON = "json"
    TEXT = "text"
    BASE64 = "base64"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class Answer:
    """The masked response. `body` is parsed JSON, text, base64 text, or None when withheld."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: Any
    body_type: BodyType
    body_bytes: int
    masked: list[str]


def mask_response(response: UpstreamResponse, secrets: Mapping[str, Plaintext]) -> Answer:
    """Mask every value used, in status line, headers and body. What cannot be checked is withheld.

    Args:
        secrets: the values of this run, by name.
    """
    redactor = Redactor(secrets)
    found: set[str] = set()
    headers = [(_mask(redactor, name, found), _mask(redactor, value, found)) for name, value in response.headers]
    reason = _mask(redactor, response.reason, found)
    body, body_type = None, BodyType.WITHHELD
    if response.readable:
        masked = redactor.mask_bytes(response.body)
        found |= masked.found
        if not masked.withheld:
            body, body_type = _present(masked.text, says_json="json" in _content_type(response))
    return Answer(response.status, reason, headers, body, body_type, len(response.body), sorted(found))


def _mask(redactor: Redactor, text: str, found: set[str]) -> str:
    """A short text, masked; withheld whole where it cannot be masked safely."""
    masked = redactor.mask(text)
    found |= masked.found
    return "[withheld]" if masked.withheld else masked.text


def _content_type(response: UpstreamResponse) -> str:
    return next((value.lower() for name, value in response.headers if name.lower() == "content-type"), "")


def _present(body: bytes, *, says_json: bool) -> tuple[Any, BodyType]:
    """JSON where the upstream says so or it looks like it, and it is; else text if UTF-8; else base64."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(body).decode("ascii"), BodyType.BASE64
    if not says_json and not text.lstrip().startswith(("{", "[")):
        return text, BodyType.TEXT
    try:
        return json.loads(text, parse_constant=_refuse_constant), BodyType.JSON
    except (ValueError, RecursionError):
        return text, BodyType.TEXT


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
