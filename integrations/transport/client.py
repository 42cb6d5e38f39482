"""The one place from which a call leaves Coffer, and its limits.

Owns: sending one rendered request over HTTP/1.1 and reading the answer under limits of size and time
(docs/security-rules.md, "Connections" to "Responses"). Redirects are answers like any other; cookies, proxies and
credentials of the environment are ignored. Every failure becomes one of our refusals without its cause: what a library
says could quote the request. Choosing and judging addresses is `dialling.py`; masking the answer is the broker's.
"""

import asyncio
import logging
import ssl
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from typing import NoReturn

import aiohttp
from aiohttp.http_exceptions import LineTooLong
from yarl import URL

from accounts.errors import Refusal
from integrations.egress.lookups import Lookup, system_lookup
from integrations.egress.policy import EgressPolicy, admit_url, check_headers
from integrations.errors import (
    InvalidUrl,
    ResponseTooLarge,
    ResponseUnreadable,
    UpstreamTimeout,
    UpstreamTls,
    UpstreamUnreachable,
)
from integrations.exchange.exchange import OnPiece
from integrations.exchange.messages import OutgoingRequest, UpstreamResponse
from integrations.transport.connections import KEEP_SECONDS, JudgedConnector, Owner, pool_here
from integrations.transport.reception import decode

CONNECT_SECONDS = 5.0
MAX_BODY_BYTES = 1024 * 1024
MAX_HEADER_BYTES = 64 * 1024
USER_AGENT = "Coffer"

_MAX_HEADER_COUNT = 256
_MAX_LINE_BYTES = 16 * 1024
_READ_BYTES = 64 * 1024

_EVENT_STREAM = "text/event-stream"

logger = logging.getLogger(__name__)


async def send(
    request: OutgoingRequest,
    policy: EgressPolicy,
    *,
    ssl_context: ssl.SSLContext,
    owner: Owner | None = None,
    max_body: int = MAX_BODY_BYTES,
    lookup: Lookup = system_lookup,
    on_piece: OnPiece | None = None,
) -> UpstreamResponse:
    """Send one request and read the whole answer, within `request.timeout_seconds` of wall clock, DNS included.

    Args:
        owner: whom the call is for: it may use a connection that an earlier call of the same owner left open. Without
            one the connection is its own.
        on_piece: asked while an event stream is read that is not compressed: such a stream may stay open after what it
            was asked for. The limits of size and time hold all the same.

    Raises InvalidHeaderValue, InvalidUrl, EgressDenied, UpstreamUnreachable, UpstreamTls, UpstreamTimeout,
    ResponseTooLarge or ResponseUnreadable.
    """
    check_headers(request.headers)
    _check_destination(request, policy)
    check_tls(ssl_context)
    try:
        async with asyncio.timeout(request.timeout_seconds), _session(request, policy, lookup, owner) as session:
            return await _exchange(session, request, ssl_context, max_body, on_piece)
    except Refusal:
        raise
    except Exception as error:  # broad: whatever a library raises here could quote the request in its text
        _raise_refusal(error, request)


def _check_destination(request: OutgoingRequest, policy: EgressPolicy) -> None:
    """The URL about to be sent is judged like the configured one: its origin, and that it is nothing but a URL."""
    url = request.url
    if url.raw_user is not None or url.raw_password is not None or url.raw_fragment:
        raise InvalidUrl("An address cannot hold a user name or a fragment.")
    if admit_url(str(url.origin()), policy).origin() != url.origin():
        raise InvalidUrl("This address can be read in more than one way.")


def check_tls(context: ssl.SSLContext) -> None:
    """A context that trusts anybody is a programming error, not a choice."""
    strict = context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname
    if not strict or context.minimum_version < ssl.TLSVersion.TLSv1_2:
        raise ValueError("outgoing TLS verifies certificates and names, and is 1.2 or newer")


def _session(
    request: OutgoingRequest, policy: EgressPolicy, lookup: Lookup, owner: Owner | None
) -> AbstractAsyncContextManager[aiohttp.ClientSession]:
    origin, pool = request.url.origin(), pool_here() if owner else None
    if owner is None or pool is None:
        return _new_session(JudgedConnector(origin, policy, lookup, force_close=True))
    return pool.session((owner, origin, policy), lambda: _new_session(_keeping(origin, policy, lookup)))


def _keeping(origin: URL, policy: EgressPolicy, lookup: Lookup) -> JudgedConnector:
    return JudgedConnector(origin, policy, lookup, keepalive_timeout=KEEP_SECONDS, limit=0)


def _new_session(connector: JudgedConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        read_bufsize=_READ_BYTES,
        max_line_size=_MAX_LINE_BYTES,
        max_field_size=_MAX_LINE_BYTES,
        max_headers=_MAX_HEADER_COUNT,
        skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
    )


async def _exchange(
    session: aiohttp.ClientSession,
    request: OutgoingRequest,
    context: ssl.SSLContext,
    max_body: int,
    on_piece: OnPiece | None,
) -> UpstreamResponse:
    call = session.request(
        request.method,
        request.url,
        headers=_sent_headers(request),
        data=request.body,
        ssl=context,
        allow_redirects=False,
    )
    async with call as response:
        headers = _read_headers(response)
        heard = on_piece if response.content_type == _EVENT_STREAM and not _is_encoded(headers) else None
        raw = await _read_body(response, max_body, heard)
    body = decode(raw, _encodings(headers), limit=max_body)
    return UpstreamResponse(
        status=response.status,
        reason=(response.reason or "").encode("utf-8", "surrogateescape"),  # undoes how the client decodes it
        headers=headers,
        body=b"" if body is None else body,
        readable=body is not None,
    )


def _sent_headers(request: OutgoingRequest) -> list[tuple[str, str]]:
    """The request's own, and the two that the transport sets."""
    own = {name.lower() for name, _ in request.headers}
    agent = [] if "user-agent" in own else [("User-Agent", USER_AGENT)]
    return [*agent, ("Accept-Encoding", "identity"), *request.headers]


def _read_headers(response: aiohttp.ClientResponse) -> tuple[tuple[bytes, bytes], ...]:
    raw = response.raw_headers
    if sum(len(name) + len(value) + 4 for name, value in raw) > MAX_HEADER_BYTES:  # 4: the colon, a space, a line break
        raise _headers_too_large()
    return raw


async def _read_body(response: aiohttp.ClientResponse, limit: int, on_piece: OnPiece | None) -> bytes:
    """The body as it was sent, still compressed; of an event stream as much as was enough."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise ResponseTooLarge(f"The answer is larger than {limit} bytes.")
        if on_piece and await on_piece(chunk):
            break
    return bytes(body)


def _is_encoded(headers: tuple[tuple[bytes, bytes], ...]) -> bool:
    return any(coding not in {"", "identity"} for coding in _encodings(headers))


def _encodings(headers: tuple[tuple[bytes, bytes], ...]) -> list[str]:
    """The codings applied to the body, lower-case. A transfer coding other than `chunked` still covers it, too."""
    named = {b"content-encoding", b"transfer-encoding"}
    values = [value.decode("latin-1") for name, value in headers if name.lower() in named]
    return [coding for value in values for part in value.split(",") if (coding := part.strip().lower()) != "chunked"]


def _raise_refusal(error: Exception, request: OutgoingRequest) -> NoReturn:
    """Say what happened in our words; the cause is dropped with its text."""
    host = request.url.raw_host
    if isinstance(error, TimeoutError):
        raise UpstreamTimeout(f"{host} did not answer in time.") from None
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        raise UpstreamTls(f"{host} did not present a certificate that is trusted for this name.") from None
    if isinstance(error, aiohttp.ClientResponseError) and any(
        isinstance(cause, LineTooLong) for cause in _causes(error)
    ):
        raise _headers_too_large() from None
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ClientResponseError):
        raise ResponseUnreadable(f"The answer of {host} ended too early or is not HTTP.") from None
    if not isinstance(error, aiohttp.ClientError | OSError):
        logger.error("an outgoing call failed with an unforeseen %s", type(error).__name__)
    raise UpstreamUnreachable(f"{host} could not be reached.") from None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What an error was raised from: the client wraps its parser's errors once or twice."""
    while error.__cause__:
        error = error.__cause__
        yield error


def _headers_too_large() -> ResponseTooLarge:
    return ResponseTooLarge(f"The headers of the answer are larger than {MAX_HEADER_BYTES} bytes.")
