"""Sending a token request, and what becomes of a redirect (docs/kinds/connectors.md).

A redirect that keeps method and body (307, 308) is followed inside its origin. Any other would take client id and
secret to another address, or leave them out, so it is refused, and the refusal names the address.
"""

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from yarl import URL

from integrations.broker.following import left
from integrations.errors import TokenRefused
from integrations.exchange.messages import OutgoingRequest, UpstreamResponse
from integrations.exchange.redirects import MAX_HOPS, is_origin_of, location_of, next_url

_KEEPS_THE_REQUEST = {307, 308}

Send = Callable[[OutgoingRequest], Awaitable[UpstreamResponse]]


async def ask(request: OutgoingRequest, send: Send) -> UpstreamResponse:
    """Send a token request; follow at most `MAX_HOPS` redirects that keep it, inside its origin.

    Raises:
        TokenRefused: there is any other redirect, or one more.
        Refusal: as `send`.
    """
    deadline = time.monotonic() + request.timeout_seconds
    response = await send(request)
    for _ in range(MAX_HOPS):
        location = location_of(response)
        if location is None:
            return response
        url = _target(request.url, response.status, location)
        request = replace(request, url=url, timeout_seconds=left(deadline, url))
        response = await send(request)
    if location_of(response) is not None:
        raise _refused(request.url, f"redirects the token request more than {MAX_HOPS} times")
    return response


def _target(url: URL, status: int | None, location: bytes) -> URL:
    if status not in _KEEPS_THE_REQUEST:
        problem = f"redirects the token request with status {status}, which would send it as a GET without its fields"
        raise _refused(url, problem, location)

    def same_origin(origin: str) -> URL:
        if not is_origin_of(origin, url):
            raise _refused(url, "redirects the token request to another origin, which gets no credentials", location)
        return url.origin()

    return next_url(url, location, same_origin)


def _refused(url: URL, problem: str, location: bytes = b"") -> TokenRefused:
    """Return the refusal; what the server named is passed on without its query."""
    named = re.split(rb"[?#]", location)[0]
    if named.startswith(b"/") and not named.startswith(b"//"):
        named = f"{url.scheme}://{url.raw_authority}".encode() + named
    sentence = f"{url.raw_host} {problem}. Enter the address that it means as token URL."
    return TokenRefused(sentence, host=url.raw_host or "", said=named)
