"""Masking responses and converting them for the caller (docs/security-rules.md, "Redaction").

This module decides what is masked and what is withheld. Bytes are masked as received and decoded
afterwards. Values are found by `secrets_app/redaction/redactor.py`; compressed bodies are recognized by
`secrets_app/redaction/archives.py`.
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import chain
from types import MappingProxyType
from typing import Any

from accounts.common.fields import WrittenNumber, distinct, write_json
from integrations.broker import charsets
from integrations.exchange.messages import UpstreamResponse
from integrations.exchange.returns import EVERYTHING, PassedOn, Returns, choose
from secrets_app.plaintext import Plaintext, is_short
from secrets_app.redaction.archives import is_compressed
from secrets_app.redaction.redactor import Masked, Reason, Redactor, ValueSet


class BodyType(StrEnum):
    """How the body is returned. A `withheld` body is not returned."""

    JSON = "json"
    TEXT = "text"
    BASE64 = "base64"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class Answer:
    """A masked response.

    Attributes:
        body: parsed JSON, text, base64 text, or None if withheld.
        media_type: the media type that the upstream names, in lower case without its parameters.
        written: the body as JSON, if Python's own writer would spell one of its numbers differently; otherwise empty.
    """

    status: int | None
    succeeded: bool
    reason: str
    headers: list[tuple[str, str]]
    body: Any
    body_type: BodyType
    body_bytes: int
    masked: list[str]
    withheld: Reason | None = None
    media_type: str | None = None
    written: str = field(default="", repr=False)


DEEPEST_JSON = 200
"""The greatest depth that JSON writers can handle later, however deep the call stack is."""

WITHHELD = "[withheld]"
"""Replaces a header or a reason phrase from which a value cannot be cut out."""

Presented = tuple[Any, BodyType, bytes]
"""A body, its type, and its bytes as JSON if writing it again spells a number differently."""

_NOTHING: Presented = (None, BodyType.WITHHELD, b"")
_MEDIA_TYPE = re.compile(r"\s*([!#$%&'*+.^_`|~\w-]+/[!#$%&'*+.^_`|~\w-]+)\s*(?:[;,].*)?", re.ASCII | re.DOTALL)
_BINARY = re.compile(
    r"(?:audio|video|font|image)/(?!.*(?:\+xml|mpegurl)).*"
    r"|application/(?:octet-stream|pdf|ogg|mp4|wasm|cbor|msgpack|x-msgpack|protobuf|x-protobuf|grpc|java-archive|msword"
    r"|zip|gzip|x-gzip|x-zip-compressed|x-tar|x-bzip2?|x-7z-compressed|x-rar-compressed|zstd|epub\+zip|pkcs\S*"
    r"|x-pdf|x-binary|x-sqlite3|x-font\S*|font-\S*|vnd\.(?:ms-|openxmlformats-|oasis\.|sqlite3|rar|google\.protobuf)\S*)"
)
_RECORDS = re.compile(rb"(?:ndjson|json-?l(?:ines)?|json-stream|json-seq|stream\+json)\b")


def mask_response(
    response: UpstreamResponse,
    secrets: Mapping[str, Plaintext],
    composites: Mapping[str, Sequence[Plaintext]] = MappingProxyType({}),
    others: Sequence[ValueSet] = (),
    *,
    deadline: float | None = None,
    returns: Returns = EVERYTHING,
) -> Answer:
    """Mask every value in the status line, headers and body. Parts that cannot be checked are withheld.

    A value in the head that cannot be cut out withholds the body as well (docs/security-rules.md, "Redaction").

    Args:
        secrets: the values of this run, by name.
        composites: texts that were sent and contain values, such as the credential of basic authentication. Texts under
            an empty name are masked but not reported.
        others: values that other runs sent to the same hosts.
        deadline: when the search has to end, by `time.monotonic`.
        returns: what of the response is passed on. Fields are chosen from the masked body.
    """
    if returns.passed_on is PassedOn.STATUS:
        return _status_alone(response, Reason.STATUS_ALONE)
    if returns.passed_on is PassedOn.EVERYTHING and any(map(is_short, secrets.values())):
        return _status_alone(response, Reason.SHORT_VALUE)
    answer = _masked(response, Redactor(secrets, composites, others), deadline)
    return _with_fields(answer, returns.expression) if returns.passed_on is PassedOn.FIELDS else answer


def _masked(response: UpstreamResponse, redactor: Redactor, deadline: float | None) -> Answer:
    sent = [response.body, response.reason, *chain.from_iterable(response.headers)]
    masked = None if redactor.is_clean(sent) else [redactor.mask_bytes(part, deadline) for part in sent]
    reason, *head = _shown(masked[1:]) if masked else [part.decode("utf-8", "replace") for part in sent[1:]]
    headers = list(zip(head[::2], head[1::2], strict=True))
    media_type, parts = media_type_of(headers), masked or [Masked(response.body, frozenset())]
    (body, body_type, respelt), withheld = _read(response, parts, media_type, redactor, deadline)
    return Answer(
        status=response.status,
        succeeded=response.is_success,
        reason=reason,
        headers=headers,
        body=body,
        body_type=body_type,
        body_bytes=len(response.body),
        masked=sorted({name for part in parts for name in part.found}),
        withheld=withheld,
        media_type=media_type,
        written=write_json(body, is_ascii=False) if respelt else "",
    )


def _read(
    response: UpstreamResponse, parts: list[Masked], media_type: str | None, redactor: Redactor, deadline: float | None
) -> tuple[Presented, Reason | None]:
    """Return the body as it is returned, and why it is withheld, if it is.

    Args:
        parts: what was masked, the body first. What is searched beside it is added.
    """
    content_type, text, is_text = _content_type(response), _text(response.body), not is_binary(media_type)
    if is_text and not _is_plain(response.body, text, content_type):
        parts[0] = charsets.in_utf8(response.body, parts[0], content_type, redactor, deadline)
    if withheld := _withheld(response, parts, text):
        return _NOTHING, withheld
    body = parts[0].text
    shown = _present(body, text if body is response.body else _text(body), content_type, is_text=is_text)
    if respelt := shown[2]:
        parts.append(redactor.mask_bytes(respelt, deadline))
        if parts[-1].text != respelt:
            return _NOTHING, parts[-1].withheld or Reason.VALUE
    return shown, None


def _is_plain(body: bytes, text: str | None, content_type: bytes) -> bool:
    """Return whether a body is UTF-8 for all that anybody says, as most are."""
    if text is None or body.startswith(charsets.MARKS) or 0 in body[:2]:
        return False
    return b"charset" not in content_type or b"utf-8" in content_type


def _status_alone(response: UpstreamResponse, reason: Reason) -> Answer:
    return Answer(response.status, response.is_success, "", [], None, BodyType.WITHHELD, len(response.body), [], reason)


def _with_fields(answer: Answer, expression: str) -> Answer:
    """Return the answer without its head, and with what the expression makes of its body."""
    chosen = choose(answer.body, expression) if answer.body_type is BodyType.JSON else None
    written = _written(chosen)
    answer = replace(answer, reason="", headers=[], media_type=None, body=chosen, written=written or "")
    if chosen is not None and written is not None:
        return answer
    withheld = answer.withheld or Reason.NOT_JSON
    return replace(answer, body=None, body_type=BodyType.WITHHELD, withheld=withheld, written="")


def _written(chosen: Any) -> str | None:
    """Return what an expression has made as JSON; None if that cannot be, as for the sum of two infinite numbers."""
    try:
        return write_json(chosen, is_ascii=False)
    except ValueError:
        return None


def _shown(head: list[Masked]) -> list[str]:
    """Return the parts of the head as texts; a part is withheld as a whole if a value cannot be cut out of it."""
    return [WITHHELD if part.withheld else part.text.decode("utf-8", "replace") for part in head]


def _withheld(response: UpstreamResponse, parts: list[Masked], text: str | None) -> Reason | None:
    """Return why the body is withheld: a value in it may not be found, or not be cut out, or there is no body."""
    if withheld := response.missing or next((part.withheld for part in parts if part.withheld), None):
        return withheld
    if not response.readable:
        return Reason.ENCODING
    return Reason.COMPRESSED if text is None and is_compressed(response.body) else None


def _content_type(response: UpstreamResponse) -> bytes:
    return next((value.lower() for name, value in response.headers if name.lower() == b"content-type"), b"")


def media_type_of(headers: Sequence[tuple[str, str]]) -> str | None:
    """Return the media type in masked headers; None if there is none or it cannot be one."""
    for name, value in headers:
        if name.lower() == "content-type":
            found = _MEDIA_TYPE.fullmatch(value)
            return found[1].lower() if found else None
    return None


def is_binary(media_type: str | None) -> bool:
    """Return whether a media type says that a body is no text."""
    return media_type is not None and _BINARY.fullmatch(media_type) is not None


def _present(body: bytes, text: str | None, content_type: bytes, *, is_text: bool) -> Presented:
    """Return the body, which may be UTF-8, as it is returned.

    A body whose media type says that it is no text is base64, even if its bytes happen to be UTF-8, as silence in
    telephony is. Any other is JSON if the upstream declares it or if it looks like JSON, and parses; otherwise text if
    it is UTF-8; otherwise base64.
    """
    if text is None or (body and not is_text):
        return base64.b64encode(body).decode("ascii"), BodyType.BASE64, b""
    if b"json" not in content_type and not text.lstrip().startswith(("{", "[")):
        return text, BodyType.TEXT, b""
    try:
        value, respelt = _parsed(text, is_sequence=_RECORDS.search(content_type) is not None)
    except (ValueError, RecursionError):
        return text, BodyType.TEXT, b""
    return value, BodyType.JSON, respelt


def _text(body: bytes) -> str | None:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _parsed(text: str, *, is_sequence: bool) -> tuple[Any, bytes]:
    """Parse JSON that can be written again as JSON, with numbers as written.

    A sequence, of lines (NDJSON) or of texts behind record separators (RFC 7464), becomes a list.

    A program that reads `1.2345678E7`, in which no value was found, may write `12345678.0`, which may contain a value;
    so that form is returned as well. Strings are never written in a form that was not masked.

    Raises:
        ValueError, RecursionError: the text is not such JSON.
    """
    is_respelt = False

    def number(spelled: str) -> int | float:
        nonlocal is_respelt
        read: int | float = int(spelled) if spelled.lstrip("-").isdigit() else float(spelled)
        if str(read) == spelled:
            return read
        is_respelt = True
        return WrittenNumber(spelled)

    whole = json.JSONDecoder(
        parse_float=number,
        parse_int=number if "-0" in text else None,  # an int cannot hold -0
        parse_constant=_refuse_constant,
        object_pairs_hook=distinct,
    )
    value = [whole.decode(record) for record in _records(text)] if is_sequence else whole.decode(text)
    if text.count("[") + text.count("{") >= DEEPEST_JSON and _is_deeper(value, DEEPEST_JSON):
        raise ValueError("too deep")
    if not is_respelt and "\\u" not in text:
        return value, b""
    # Unpaired surrogates, which only JSON can spell, raise UnicodeEncodeError here, a ValueError.
    written = json.dumps(value, ensure_ascii=False).encode()
    return value, written if is_respelt else b""


def _records(text: str) -> list[str]:
    """Return the JSON texts of a sequence.

    Raises:
        ValueError: there is none.
    """
    separator = "\x1e" if "\x1e" in text else "\n"  # neither stands in a JSON text, except between its tokens
    records = [record for record in text.split(separator) if record.strip()]
    if not records:
        raise ValueError("no records")
    return records


def _is_deeper(value: Any, levels: int) -> bool:
    """Return whether lists and objects are nested more than `levels` deep."""
    if not isinstance(value, dict | list):
        return False
    children = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(child, levels - 1) for child in children)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
