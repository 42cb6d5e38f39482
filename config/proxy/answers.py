"""What callers of `/proxy/` get: the head of an upstream's answer, or a refusal of Coffer's own."""

import re
from collections.abc import Iterable

from django.http import HttpResponse

from accounts.errors import Refusal
from config.http.errors import problem
from config.http.requests import Send
from integrations.broker.streaming import Stream
from integrations.exchange.passed_headers import returned

RUN_ID, ERROR = "Coffer-Run-Id", "Coffer-Error"

OWN_HEADERS = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "sandbox; default-src 'none'"),
)
"""With each of them: nothing is kept, and nothing runs in a browser at Coffer's address."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_LENGTH = re.compile(r"[0-9]{1,18}")
_BODILESS = {204, 304}

Headers = list[tuple[bytes, bytes]]


def head_of(stream: Stream, method: str, *, closes: bool) -> Headers:
    """Return the headers of an answer that is passed on.

    The length goes on only where there is no body: masking may change it.

    Args:
        closes: whether the connection ends with the answer.
    """
    kept = [*returned(stream.headers), *OWN_HEADERS, (RUN_ID, str(stream.run_id))]
    if method == "HEAD" and stream.status not in _BODILESS:
        lengths = {value for name, value in stream.headers if name.lower() == "content-length"}
        kept += [("Content-Length", lengths.pop())] if len(lengths) == 1 else []
    if closes:
        kept.append(("Connection", "close"))
    return encoded(kept)


def encoded(headers: Iterable[tuple[str, str]]) -> Headers:
    """Return headers as the server sends them, without those that HTTP has no place for."""
    return [
        (name.lower().encode("ascii"), value.encode("latin-1"))
        for name, value in headers
        if _TOKEN.fullmatch(name) and not _CONTROL.search(value) and _is_length(name, value)
    ]


def _is_length(name: str, value: str) -> bool:
    return name.lower() != "content-length" or _LENGTH.fullmatch(value) is not None


def refused(refusal: Refusal) -> HttpResponse:
    """Return a refusal as a problem document, marked so that a client can tell it from an upstream's answer."""
    answer = problem(refusal)
    answer.headers[ERROR] = refusal.code
    if run_id := refusal.members.get("run_id"):
        answer.headers[RUN_ID] = str(run_id)
    return answer


async def send_refusal(answer: HttpResponse, send: Send, *, closes: bool) -> None:
    """Send a refusal.

    Args:
        closes: whether the connection ends with it, because the body of the request was not read.
    """
    headers = [*answer.headers.items(), *OWN_HEADERS, ("Content-Length", str(len(answer.content)))]
    if closes:
        headers.append(("Connection", "close"))
    await send({"type": "http.response.start", "status": answer.status_code, "headers": encoded(headers)})
    await send({"type": "http.response.body", "body": answer.content})
