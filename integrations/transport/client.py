"""Sending a rendered HTTP request: the only place from which HTTP requests leave Coffer.

A request is sent over HTTP/1.1, and its response is read under limits of size and time (docs/security-rules.md,
"Connections" to "Responses"). Redirects are returned like any response. Cookies, and proxies and credentials from the
environment, are ignored. Every error becomes a refusal without its cause, because a library's message could quote the
request. Addresses are resolved and judged in `connections.py`; the broker masks responses.
"""

import asyncio
import logging
import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import cache
from io import BytesIO
from typing import Any, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from accounts.errors import Refusal
from integrations.egress.lookups import Lookup, system_lookup
from integrations.egress.policy import EgressPolicy, admit_origin, check_headers
from integrations.errors import (
    InvalidUrl,
    ResponseTooLarge,
    ResponseUnreadable,
    UpstreamTimeout,
    UpstreamTls,
    UpstreamUnreachable,
)
from integrations.exchange.channels import OnPiece, OnText
from integrations.exchange.messages import RESPONSE_BYTES, OutgoingRequest, UpstreamResponse
from integrations.transport.connections import JudgedConnector, Owner, connector_for, mark
from integrations.transport.decoding import NO_CODING, beyond, decode
from integrations.transport.reception import MAX_BYTES, MAX_FIELDS, BoundedHandler
from secrets_app.redaction.redactor import Reason

USER_AGENT = "Coffer"

_READ_BYTES = 64 * 1024
_READING: dict[str, Any] = {
    "read_until_eof": True,
    "auto_decompress": False,
    "max_line_size": MAX_BYTES,
    "max_field_size": MAX_BYTES,
    "max_headers": MAX_FIELDS + 1,
}

_EVENT_STREAM = "text/event-stream"
_TEXT = re.compile(r"text/|application/[^;]*(?:ndjson|json-?l(?:ines)?|json-seq|stream\+json)\b")
_CODED_BY = {b"content-encoding", b"transfer-encoding"}
_REASONS = {ResponseTooLarge: Reason.TOO_LARGE, UpstreamTimeout: Reason.TOO_SLOW}

OnLarge = Callable[[], Awaitable[None]]
"""Waits until a large body may be read."""

logger = logging.getLogger(__name__)


async def _at_once() -> None:
    """Let a large body be read at once."""


async def send(
    request: OutgoingRequest,
    policy: EgressPolicy,
    *,
    ssl_context: ssl.SSLContext,
    owner: Owner | None = None,
    lookup: Lookup = system_lookup,
    on_piece: OnPiece | None = None,
    on_text: OnText | None = None,
    on_large: OnLarge = _at_once,
) -> UpstreamResponse:
    """Send a request and read the whole response, within `request.timeout_seconds` of wall-clock time including DNS.

    If its head has arrived but its body cannot be read, the response is returned without it, unless it succeeded and
    the request needs the body.

    Args:
        owner: the organization, integration and environment that the call belongs to. The call may reuse a connection
            of the same owner; without an owner it gets its own.
        on_piece: called with each piece of an uncompressed event stream; reading ends once it returns True. The limits
            of size and time still apply.
        on_text: called with each piece of an uncompressed text, event streams and lines of JSON among them.
        on_large: awaited before more of a body is read than the usual limit.

    Raises:
        InvalidHeaderValue, InvalidUrl, EgressDenied: the request may not be sent.
        UpstreamUnreachable, UpstreamTls, UpstreamTimeout: there is no response.
        ResponseTooLarge, ResponseUnreadable: the response cannot be returned.
    """
    origin = check_request(request, policy, ssl_context)
    heads: list[aiohttp.ClientResponse] = []
    mark("begun")
    try:
        async with asyncio.timeout(request.timeout_seconds), connector_for(origin, policy, lookup, owner) as connector:
            return await _exchange(connector, request, ssl_context, heads, (on_piece, on_text), on_large)
    except Exception as error:  # broad, because any exception of a library could quote the request
        refusal = error if isinstance(error, Refusal) else refusal_for(error, request, has_begun=bool(heads))
    if heads:
        return _without_body(heads[0], request, refusal)
    raise refusal from None


def check_request(request: OutgoingRequest, policy: EgressPolicy, context: ssl.SSLContext) -> URL:
    """Check everything about a request that can be checked before a socket exists.

    Returns:
        the origin that may be called.

    Raises:
        InvalidHeaderValue, InvalidUrl, EgressDenied: it may not be sent.
    """
    check_headers(request.headers)
    check_tls(context)
    if request.url.raw_fragment:
        raise InvalidUrl("A URL cannot contain a fragment.")
    return admit_origin(request.url.scheme, request.url.raw_authority, policy)


@cache
def check_tls(context: ssl.SSLContext) -> None:
    """Check once for each TLS context that it verifies certificates and host names.

    Raises:
        ValueError: it does not, which is a programming error.
    """
    strict = context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname
    if not strict or context.minimum_version < ssl.TLSVersion.TLSv1_2:
        raise ValueError("outgoing TLS verifies certificates and names, and is 1.2 or newer")


class _BareRequest(aiohttp.ClientRequest):
    """A request with no header but those that it is given, and those that say where it goes and how long it is."""

    _skip_auto_headers = frozenset({"Content-Type"})  # type: ignore[assignment]  # it is only searched

    def update_auto_headers(self, _: object) -> None:
        """Add nothing."""


async def begin(
    connector: JudgedConnector,
    request: OutgoingRequest,
    headers: list[tuple[str, str]],
    body: Any,
    context: ssl.SSLContext,
    *,
    read_ahead: int,
) -> aiohttp.ClientResponse:
    """Send a request, once, and return its response when the head has arrived.

    A session of the client would do this, and beside it only what is not wanted: it follows redirects, keeps cookies
    and repeats requests.

    Args:
        body: bytes, a file or an asynchronous iterator.
        read_ahead: about how many bytes of the response are taken in before somebody reads them.
    """
    loop = asyncio.get_running_loop()
    sent = _BareRequest(request.method, request.url, headers=headers, data=body, ssl=context, loop=loop)
    connection = await connector.connect(sent, [], connector.timeout)
    try:
        protocol = cast("ResponseHandler", connection.protocol)
        protocol.set_response_params(skip_payload=request.method == "HEAD", read_bufsize=read_ahead, **_READING)
        response = await sent.send(connection)
        try:
            return await response.start(connection)
        except BaseException:
            response.close()
            raise
    except BaseException:
        connection.close()
        raise


async def _exchange(
    connector: JudgedConnector,
    request: OutgoingRequest,
    context: ssl.SSLContext,
    heads: list[aiohttp.ClientResponse],
    told: tuple[OnPiece | None, OnText | None],
    on_large: OnLarge,
) -> UpstreamResponse:
    """Send the request and read the response. Its head is put into `heads` as soon as it has arrived."""
    body = BytesIO(request.body) if request.body and len(request.body) > _READ_BYTES else request.body
    call = begin(connector, request, sent_headers(request), body, context, read_ahead=_READ_BYTES)
    async with await call as response:
        heads.append(response)
        if request.most_bytes > RESPONSE_BYTES:
            _allow(response, request.most_bytes)
        codings = codings_of(response.raw_headers)
        reader = None if codings else _reader(response, *told)
        raw = await _read_body(response, request.most_bytes, reader, on_large)
        mark("answered")
        if codings and request.most_bytes > RESPONSE_BYTES:
            await on_large()
    return received(response, decode(raw, codings, limit=request.most_bytes) if codings else raw)


def received(response: aiohttp.ClientResponse, body: bytes | None = b"") -> UpstreamResponse:
    """Return a response as it arrived, with its body; None if that cannot be decompressed."""
    reason = (response.reason or "").encode("utf-8", "surrogateescape")  # reverses the client's decoding
    return UpstreamResponse(response.status, reason, response.raw_headers, body or b"", readable=body is not None)


def _reader(response: aiohttp.ClientResponse, on_piece: OnPiece | None, on_text: OnText | None) -> OnPiece | None:
    """Return what is called with the pieces of the body, if anything is."""
    if not (on_piece or on_text):
        return None
    media_type = response.content_type
    if on_piece and media_type == _EVENT_STREAM:
        return on_piece
    if not (on_text and response.ok and _TEXT.match(media_type)):
        return None

    async def read_on(piece: bytes) -> bool:
        await on_text(media_type, piece)
        return False

    return read_on


def _without_body(response: aiohttp.ClientResponse, request: OutgoingRequest, refusal: Refusal) -> UpstreamResponse:
    """Return the response without its body: a call that worked is never reported as failed.

    Raises:
        Refusal: the body is what the request is made for. The refusal says the status.
    """
    head = received(response)
    if head.is_success and request.needs_body:
        refusal.detail += f" The status was {head.status}."
        refusal.members["upstream_status"] = head.status
        raise refusal from None
    return replace(head, missing=_REASONS.get(type(refusal), Reason.BROKEN_OFF))


def sent_headers(request: OutgoingRequest) -> list[tuple[str, str]]:
    """Return the headers of the request and the headers that the transport sets."""
    own = {name.lower() for name, _ in request.headers}
    agent = [] if "user-agent" in own else [("User-Agent", USER_AGENT)]
    return [*agent, ("Accept-Encoding", "identity"), *request.headers]


def _allow(response: aiohttp.ClientResponse, body: int) -> None:
    """Let the connection take in a body of so many bytes."""
    protocol = response.connection.protocol if response.connection else None
    if isinstance(protocol, BoundedHandler):
        protocol.allow(body)


async def _read_body(
    response: aiohttp.ClientResponse, limit: int, on_piece: OnPiece | None, on_large: OnLarge
) -> bytes:
    """Return the body as received, still compressed; for an event stream, the part that was needed."""
    body, content = bytearray(), response.content
    while not content.at_eof():
        chunk = await content.readany()
        body += chunk
        if len(body) > limit:
            raise beyond(limit)
        if len(body) > RESPONSE_BYTES >= len(body) - len(chunk):
            await on_large()
        if on_piece and await on_piece(chunk):
            break
    return bytes(body)


def codings_of(headers: tuple[tuple[bytes, bytes], ...]) -> list[str]:
    """Return the codings of the body in lower case, including transfer codings other than `chunked`."""
    values = [value.decode("latin-1") for name, value in headers if name.lower() in _CODED_BY]
    if not values:
        return []
    named = [part.strip().lower() for value in values for part in value.split(",")]
    return [coding for coding in named if coding != "chunked" and coding not in NO_CODING]


def refusal_for(error: Exception, request: OutgoingRequest, *, has_begun: bool) -> Refusal:
    """Return the refusal for an error; its text and cause are dropped.

    Args:
        has_begun: whether the head of a response has arrived.
    """
    host = request.url.raw_host
    if isinstance(error, TimeoutError):
        return UpstreamTimeout(f"{host} did not answer in time.")
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError) and not has_begun:
        return UpstreamTls(f"{host} did not present a certificate that is trusted for this name.")
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ClientResponseError) or has_begun:
        return ResponseUnreadable(f"The response of {host} ended too early or is not HTTP.")
    if not isinstance(error, aiohttp.ClientError | OSError):
        logger.error("an outgoing call failed with an unexpected %s", type(error).__name__)
    return UpstreamUnreachable(f"{host} could not be reached.")
