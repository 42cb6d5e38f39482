"""Sending a rendered HTTP request: the only place from which HTTP requests leave Coffer.

A request is sent over HTTP/1.1, and its response is read under limits of size and time (docs/security-rules.md,
"Connections" to "Responses"). Redirects are returned like any response. Cookies, and proxies and credentials from the
environment, are ignored. Every error becomes a refusal without its cause, because a library's message could quote the
request. Addresses are resolved and judged in `connections.py`; the broker masks responses.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from functools import cache
from http import HTTPStatus
from typing import Any, cast

from aiohttp.client_proto import ResponseHandler
from aiohttp.http import StreamWriter
from multidict import CIMultiDict
from yarl import URL

from accounts.errors import Refusal
from integrations.egress.lookups import Lookup, system_lookup
from integrations.egress.policy import EgressPolicy, admit_origin, check_headers
from integrations.errors import InvalidUrl
from integrations.exchange.channels import OnPiece, OnText
from integrations.exchange.messages import RESPONSE_BYTES, OutgoingRequest, UpstreamResponse
from integrations.transport.connections import JudgedConnector, Owner, connector_for, mark
from integrations.transport.decoding import NO_CODING, beyond, decode
from integrations.transport.failures import refusal_for, without_body
from integrations.transport.reception import MAX_BYTES, MAX_FIELDS, BoundedHandler, Response

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
_NEED_NO_LENGTH = {"GET", "HEAD", "OPTIONS", "TRACE"}
"""Requests that need not say that they have no body."""
_CODED_BY = {b"content-encoding", b"transfer-encoding"}

OnLarge = Callable[[], Awaitable[None]]
"""Waits until a large body may be read."""


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
    heads: list[Response] = []
    mark("begun")
    try:
        pooled = connector_for(origin, policy, ssl_context, lookup, owner)
        async with asyncio.timeout(request.timeout_seconds), pooled as connector:
            return await _exchange(connector, request, heads, (on_piece, on_text), on_large)
    except Exception as error:  # broad, because any exception of a library could quote the request
        refusal = error if isinstance(error, Refusal) else refusal_for(error, request, has_begun=bool(heads))
    if heads:
        return without_body(heads[0], request, refusal)
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


async def begin(
    connector: JudgedConnector,
    request: OutgoingRequest,
    *,
    read_ahead: int,
    pieces: AsyncIterable[bytes] | None = None,
    length: int | None = None,
) -> Response:
    """Send a request, once, and return its response when the head has arrived.

    A session of the client would do this, and beside it only what is not wanted: it follows redirects, keeps cookies
    and repeats requests.

    Args:
        read_ahead: about how many bytes of the response are taken in before somebody reads them.
        pieces: the body, of a request without one.
        length: how many bytes the pieces have together, if that is known.
    """
    connection, upload = await connector.connect(connector.target, [], connector.timeout), None
    try:
        protocol = cast("BoundedHandler", connection.protocol)
        protocol.set_response_params(skip_payload=request.method == "HEAD", read_bufsize=read_ahead, **_READING)
        upload = await _sent(protocol, request, pieces, length, closes=connector.force_close)
        response = Response(connection, protocol, upload)
        await response.read_head()
    except BaseException:
        if upload:
            upload.cancel()
        connection.close()
        raise
    return response


async def _sent(
    protocol: ResponseHandler,
    request: OutgoingRequest,
    pieces: AsyncIterable[bytes] | None,
    length: int | None,
    *,
    closes: bool,
) -> "asyncio.Task[None] | None":
    """Send a request as far as that is possible at once; return what sends the rest of it, if anything is left."""
    writer, body = StreamWriter(protocol, asyncio.get_running_loop()), request.body
    length = length if body is None else len(body)
    if pieces and length is None:
        writer.enable_chunking()
    fields = _fields(request, length, is_chunked=writer.chunked, closes=closes)
    await writer.write_headers(f"{request.method} {request.url.raw_path_qs} HTTP/1.1", fields)
    if body and len(body) > _READ_BYTES:
        pieces = _slices(body)
    if pieces:
        writer.length = length
        return asyncio.create_task(_upload(writer, protocol, pieces))
    if body:
        await writer.write(body, drain=False)
    writer.set_eof()
    return None


def _fields(request: OutgoingRequest, length: int | None, *, is_chunked: bool, closes: bool) -> CIMultiDict[str]:
    """Return all headers: those of the request, where it goes, how long it is, and whether another may follow."""
    fields = CIMultiDict([("Host", request.url.host_port_subcomponent or ""), *sent_headers(request)])
    if length is not None:
        fields["Content-Length"] = str(length)
    elif is_chunked:
        fields["Transfer-Encoding"] = "chunked"
    elif request.method not in _NEED_NO_LENGTH:
        fields["Content-Length"] = "0"
    if closes:
        fields["Connection"] = "close"
    return fields


async def _slices(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), _READ_BYTES):
        yield body[at : at + _READ_BYTES]


async def _upload(writer: StreamWriter, protocol: ResponseHandler, pieces: AsyncIterable[bytes]) -> None:
    """Send the pieces of a body. Whoever waits for the response meets what goes wrong."""
    try:
        async for piece in pieces:
            await writer.write(piece)
        await writer.write_eof()
    except Exception as fault:  # broad, because pieces come from elsewhere
        protocol.set_exception(fault)


async def _exchange(
    connector: JudgedConnector,
    request: OutgoingRequest,
    heads: list[Response],
    told: tuple[OnPiece | None, OnText | None],
    on_large: OnLarge,
) -> UpstreamResponse:
    """Send the request and read the response. Its head is put into `heads` as soon as it has arrived."""
    response = await begin(connector, request, read_ahead=_READ_BYTES)
    try:
        heads.append(response)
        if request.most_bytes > RESPONSE_BYTES and response.protocol is not None:
            response.protocol.allow(request.most_bytes)
        codings = codings_of(response.raw_headers)
        reader = None if codings else _reader(response, *told)
        raw = await _read_body(response, request.most_bytes, reader, on_large)
        mark("answered")
        if codings and request.most_bytes > RESPONSE_BYTES:
            await on_large()
    finally:
        response.leave()
    return response.received(decode(raw, codings, limit=request.most_bytes) if codings else raw)


def _reader(response: Response, on_piece: OnPiece | None, on_text: OnText | None) -> OnPiece | None:
    """Return what is called with the pieces of the body, if anything is."""
    if not (on_piece or on_text):
        return None
    media_type = response.media_type
    if on_piece and media_type == _EVENT_STREAM:
        return on_piece
    if not (on_text and response.status < HTTPStatus.BAD_REQUEST and _TEXT.match(media_type)):
        return None

    async def read_on(piece: bytes) -> bool:
        await on_text(media_type, piece)
        return False

    return read_on


def sent_headers(request: OutgoingRequest) -> list[tuple[str, str]]:
    """Return the headers of the request and the headers that the transport sets."""
    own = {name.lower() for name, _ in request.headers}
    agent = [] if "user-agent" in own else [("User-Agent", USER_AGENT)]
    return [*agent, ("Accept-Encoding", "identity"), *request.headers]


async def _read_body(response: Response, limit: int, on_piece: OnPiece | None, on_large: OnLarge) -> bytes:
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
