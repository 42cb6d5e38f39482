"""Masking responses and converting them for the caller (docs/security-rules.md, "Redaction").

This module decides what is masked, what is withheld, and in which thread. Bytes are masked as received and decoded
afterwards. Values are found by `secrets_app/redaction/redactor.py`; compressed bodies are recognized by
`integrations/transport/decoding.py`.
"""

import asyncio
import base64
import json
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain
from types import MappingProxyType
from typing import Any, TypeVar
from uuid import UUID

from integrations.exchange.messages import UpstreamResponse
from integrations.exchange.returns import EVERYTHING, PassedOn, Returns, choose
from integrations.transport.decoding import is_compressed
from secrets_app.naming.value_rules import is_short
from secrets_app.plaintext import Plaintext
from secrets_app.redaction.redactor import Masked, Reason, Redactor, ValueSet


class BodyType(StrEnum):
    """How the body is returned. A `withheld` body is not returned."""

    JSON = "json"
    TEXT = "text"
    BASE64 = "base64"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class Answer:
    """A masked response. `body` is parsed JSON, text, base64 text, or None if withheld."""

    status: int | None
    succeeded: bool
    reason: str
    headers: list[tuple[str, str]]
    body: Any
    body_type: BodyType
    body_bytes: int
    masked: list[str]
    withheld: Reason | None = None


DEEPEST_JSON = 200
"""The greatest depth that JSON writers can handle later, however deep the call stack is."""

WITHHELD = "[withheld]"
"""Replaces a header or a reason phrase from which a value cannot be cut out."""


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
    received = [response.reason, *chain.from_iterable(response.headers)]
    parts = redactor.mask_all([response.body, *received], deadline)
    reason, *head = map(_shown, parts[1:])
    withheld = next((part.withheld for part in parts if part.withheld), None) or _unreadable(response)
    body, body_type = None, BodyType.WITHHELD
    if withheld is None:
        body, body_type, respelt = _present(parts[0].text, says_json=b"json" in _content_type(response))
        parts.append(redactor.mask_bytes(respelt, deadline))
        if parts[-1].text != respelt:
            body, body_type, withheld = None, BodyType.WITHHELD, parts[-1].withheld or Reason.VALUE
    return Answer(
        status=response.status,
        succeeded=response.is_success,
        reason=reason,
        headers=list(zip(head[::2], head[1::2], strict=True)),
        body=body,
        body_type=body_type,
        body_bytes=len(response.body),
        masked=sorted(frozenset().union(*(part.found for part in parts))),
        withheld=withheld,
    )


def _status_alone(response: UpstreamResponse, reason: Reason) -> Answer:
    return Answer(response.status, response.is_success, "", [], None, BodyType.WITHHELD, len(response.body), [], reason)


def _with_fields(answer: Answer, expression: str) -> Answer:
    """Return the answer without its head, and with what the expression makes of its body."""
    chosen = choose(answer.body, expression) if answer.body_type is BodyType.JSON else None
    if chosen is None:
        withheld = answer.withheld or Reason.NOT_JSON
        return replace(answer, reason="", headers=[], body=None, body_type=BodyType.WITHHELD, withheld=withheld)
    return replace(answer, reason="", headers=[], body=chosen)


def _shown(part: Masked) -> str:
    """Return a part of the head as text; the whole part is withheld if a value cannot be cut out of it."""
    return WITHHELD if part.withheld else part.text.decode("utf-8", "replace")


def _unreadable(response: UpstreamResponse) -> Reason | None:
    """Return why a value in the body would not be found (docs/security-rules.md, "Redaction"), if it would not."""
    if not response.readable:
        return Reason.ENCODING
    return Reason.COMPRESSED if _text(response.body) is None and is_compressed(response.body) else None


def _content_type(response: UpstreamResponse) -> bytes:
    return next((value.lower() for name, value in response.headers if name.lower() == b"content-type"), b"")


def _present(body: bytes, *, says_json: bool) -> tuple[Any, BodyType, bytes]:
    """Return the body, its type, and its bytes as JSON if writing it again spells a number differently.

    The body is JSON if the upstream declares it or if it looks like JSON, and parses; otherwise text if it is UTF-8;
    otherwise base64.
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
    """Parse JSON that can be written again as JSON.

    Numbers are written as Python spells them: `1.2345678E7`, in which no value was found, becomes `12345678.0`, which
    may contain a value. Strings are never written in a form that was not masked.

    Raises:
        ValueError, RecursionError: the text is not such JSON.
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
    # Unpaired surrogates, which only JSON can spell, raise UnicodeEncodeError here, a ValueError.
    written = json.dumps(value, ensure_ascii=False).encode()
    return value, written if is_respelt else b""


def _is_deeper(value: Any, levels: int) -> bool:
    """Return whether lists and objects are nested more than `levels` deep."""
    if not isinstance(value, dict | list):
        return False
    children = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(child, levels - 1) for child in children)


def _finite(text: str) -> float:
    """Parse a number; refuse `1e999`, which Python would write as `Infinity`."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("too large")
    return number


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


# Where answers are searched: small ones at once, larger ones in threads, one at a time for each organization. Searching
# holds the interpreter's lock for most of the time, so a large answer must not be searched on the event loop, and many
# large answers of one organization must not keep the others waiting.

SMALL_BYTES = 4 * 1024
"""What is searched on the event loop: two milliseconds for the most hostile text of this size."""
LARGE_BYTES = 64 * 1024
LARGE_WORKERS, MEDIUM_WORKERS = 2, 2

T = TypeVar("T")


class Workers:
    """Threads for medium texts and for large ones, so that the former never wait for the latter."""

    def __init__(self) -> None:
        self._medium = ThreadPoolExecutor(MEDIUM_WORKERS, thread_name_prefix="coffer-masking")
        self._large = ThreadPoolExecutor(LARGE_WORKERS, thread_name_prefix="coffer-masking-large")
        self._turns: dict[tuple[asyncio.AbstractEventLoop, UUID, bool], _Turn] = {}

    async def run(self, organization: UUID, size: int, job: Callable[[], T]) -> T:
        """Run a job that searches about so many bytes; return its result."""
        if size <= SMALL_BYTES:
            return job()
        is_large, loop = size > LARGE_BYTES, asyncio.get_running_loop()
        key = (loop, organization, is_large)
        turn = self._turns.setdefault(key, _Turn())
        turn.users += 1
        try:
            async with turn.lock:
                return await loop.run_in_executor(self._large if is_large else self._medium, job)
        finally:
            turn.users -= 1
            if not turn.users:
                self._turns.pop(key, None)


class _Turn:
    """The jobs of one organization: the lock that lets in one at a time, and how many wait or run."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0


WORKERS = Workers()
"""The threads of this process."""
