"""WebSockets to upstreams (RFC 6455): the only place from which they leave Coffer.

The handshake is an HTTP request like others: its address, its TLS and its headers are judged alike, redirects are not
followed, and it is sent once. (The library of the HTTP client would follow them, and drops the body of an answer that
opens nothing: hence another one.) No extension is offered, so that every frame can be searched. A message arrives whole
and within a limit of size; only one that nobody has taken yet waits in memory, and an upstream that sends more waits.
Every error becomes a refusal or an end without its cause, because a library's message could quote the request.
"""

import asyncio
import logging
import re
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI
from yarl import URL

from accounts.errors import Refusal
from integrations.egress.lookups import Lookup, system_lookup
from integrations.egress.policy import EgressPolicy
from integrations.errors import (
    InvalidHeaderValue,
    ResponseUnreadable,
    UpstreamTimeout,
    UpstreamTls,
    UpstreamUnreachable,
)
from integrations.exchange.messages import OutgoingRequest, UpstreamResponse
from integrations.transport.client import check_request, sent_headers
from integrations.transport.connections import mark
from integrations.transport.decoding import NO_CODING
from integrations.transport.dialling import dial

LARGEST_MESSAGE = 16 * 1024 * 1024
"""Bytes of one message, in either direction."""
PING_SECONDS = 20.0
"""Between two pings, and how long an upstream may take to answer one."""
CLOSE_SECONDS = 2.0
"""How long an upstream may take to answer a close."""
NO_STATUS, TOO_BIG, BAD_GATEWAY = 1005, 1009, 1014
"""Close codes: the upstream said none; a message is too large; the upstream broke off, or broke the protocol (IANA,
"WebSocket Close Code Number")."""

_PROTOCOL = re.compile(r"[!-+\--~]+")
"""A sub-protocol, as far as it cannot be read as more than one; some services put keys there that are no tokens."""
_FRAMES_WAITING = (1, 0)
_VIOLATIONS = {1002: "broke the WebSocket protocol", 1007: "sent text that is not UTF-8", 1011: "answered no ping"}
_SILENT = logging.Logger("websockets")  # noqa: LOG001 - of nobody's tree, so that no setting can wake it
"""What the library would write down, the credential included."""
_SILENT.disabled = True

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Handshake:
    """The request that opens a WebSocket.

    Attributes:
        request: with the address in `http` or `https`, and the headers beside those of the protocol.
        protocols: the sub-protocols that are offered, in order.
        seconds: how long it may take, look-up and connecting included.
    """

    request: OutgoingRequest
    protocols: Sequence[str]
    seconds: float


class HandshakeAnswered(Exception):  # noqa: N818 - what the upstream said, not an error of Coffer
    """The upstream answered the handshake with an ordinary response, which is not masked yet."""

    def __init__(self, response: UpstreamResponse) -> None:
        super().__init__()
        self.response = response


class UpstreamEnded(Exception):  # noqa: N818 - every connection ends
    """The upstream's connection has ended.

    Attributes:
        code: the close code for the caller; never one of those that are not sent (RFC 6455 section 7.4.1).
        reason: what the upstream said, not masked yet, or why Coffer ended it.
        is_closed: whether the upstream closed it as the protocol prescribes.
    """

    def __init__(self, code: int, reason: str, *, is_closed: bool) -> None:
        super().__init__()
        self.code, self.reason, self.is_closed = code, reason, is_closed


class _Connection(ClientConnection):
    """A connection that Coffer closes itself, once the upstream has said that it ends, or has broken the protocol.

    The library leaves that to the upstream, which may never do it.
    """

    def data_received(self, data: bytes) -> None:
        """Process received bytes; what has arrived before the end is still given out."""
        super().data_received(data)
        if self.protocol.close_rcvd or self.protocol.parser_exc:
            self.transport.close()


class UpstreamSocket:
    """An open WebSocket.

    Attributes:
        head: the response of the handshake.
        protocol: the sub-protocol that the upstream chose; None if it chose none.
    """

    def __init__(self, connection: ClientConnection, host: str) -> None:
        self._connection, self._host = connection, host
        self.head = _response(cast("Response", connection.response))
        self.protocol: str | None = connection.subprotocol

    async def receive(self) -> str | bytes:
        """Return the next message, text or binary.

        Raises:
            UpstreamEnded: there is none any more.
        """
        try:
            return await self._connection.recv()
        except ConnectionClosed as closed:
            raise _ended(closed, self._host) from None

    async def send(self, message: str | bytes) -> None:
        """Send a message; wait while the upstream takes nothing in.

        Raises:
            UpstreamEnded: the connection has ended.
        """
        try:
            await self._connection.send(message)
        except ConnectionClosed as closed:
            raise _ended(closed, self._host) from None

    async def close(self, code: int, reason: str) -> None:
        """Close the connection and wait for `CLOSE_SECONDS` at most. One that has ended stays as it is."""
        await self._connection.close(code, reason)


@asynccontextmanager
async def opened(
    handshake: Handshake, policy: EgressPolicy, *, ssl_context: ssl.SSLContext, lookup: Lookup = system_lookup
) -> AsyncIterator[UpstreamSocket]:
    """Open a WebSocket for the block, which ends with its connection at once.

    Raises:
        InvalidHeaderValue, InvalidUrl, EgressDenied: the handshake may not be sent.
        UpstreamUnreachable, UpstreamTls, UpstreamTimeout, ResponseUnreadable: there is no WebSocket.
        HandshakeAnswered: the upstream answered otherwise.
    """
    request, host = handshake.request, handshake.request.url.raw_host or ""
    check_request(request, policy, ssl_context)
    if not all(map(_PROTOCOL.fullmatch, handshake.protocols)):
        raise InvalidHeaderValue("A sub-protocol contains a character that HTTP forbids there.")
    mark("begun")
    try:
        async with asyncio.timeout(handshake.seconds):
            connecting = partial(_connected, handshake, ssl_context)
            connection = await dial(request.url, policy, lookup, connecting)
    except InvalidStatus as answered:
        raise HandshakeAnswered(_response(answered.response)) from None
    except Exception as error:  # broad, because any exception of a library could quote the request
        raise (error if isinstance(error, Refusal) else _refusal(error, host)) from None
    mark("answered")
    try:
        yield UpstreamSocket(connection, host)
    finally:
        if not connection.connection_lost_waiter.done():
            connection.transport.abort()


async def _connected(handshake: Handshake, context: ssl.SSLContext, sock: socket.socket) -> ClientConnection:
    """Make the handshake on a socket."""
    url = handshake.request.url
    secured: dict[str, Any] = {"ssl": context, "server_hostname": url.raw_host} if url.scheme == "https" else {}
    connecting = partial(_new_connection, url, handshake.protocols)
    try:
        _, connection = await asyncio.get_running_loop().create_connection(connecting, sock=sock, **secured)
    except BaseException:
        sock.close()
        raise
    try:
        await connection.handshake(sent_headers(handshake.request), None)
        connection.start_keepalive()
    except BaseException:
        connection.transport.abort()
        raise
    return connection


def _new_connection(url: URL, protocols: Sequence[str]) -> _Connection:
    address = WebSocketURI(url.scheme == "https", url.raw_host or "", url.port or 0, url.raw_path, url.raw_query_string)
    protocol = ClientProtocol(
        address,
        subprotocols=[Subprotocol(name) for name in protocols] or None,
        max_size=LARGEST_MESSAGE,
        logger=_SILENT,
    )
    return _Connection(
        protocol,
        ping_interval=PING_SECONDS,
        ping_timeout=PING_SECONDS,
        close_timeout=CLOSE_SECONDS,
        max_queue=_FRAMES_WAITING,
    )


def _response(response: Response) -> UpstreamResponse:
    """Return a response of the library as it arrived."""
    headers = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.raw_items())
    codings = [value.lower() for name, value in headers if name.lower() == b"content-encoding"]
    is_readable = all(coding.decode("latin-1") in NO_CODING for coding in codings)
    reason = response.reason_phrase.encode("latin-1")
    body = bytes(response.body or b"") if is_readable else b""
    return UpstreamResponse(response.status_code, reason, headers, body, readable=is_readable)


def _ended(closed: ConnectionClosed, host: str) -> UpstreamEnded:
    """Return how a connection has ended: as the upstream said, for what Coffer closed it, or broken off."""
    if closed.rcvd and (closed.rcvd_then_sent or not closed.sent):
        code = 1000 if closed.rcvd.code == NO_STATUS else int(closed.rcvd.code)
        return UpstreamEnded(code, closed.rcvd.reason, is_closed=True)
    sent = int(closed.sent.code) if closed.sent else 0
    if sent == TOO_BIG:
        return UpstreamEnded(TOO_BIG, f"A message is larger than {LARGEST_MESSAGE} bytes.", is_closed=False)
    return UpstreamEnded(BAD_GATEWAY, f"{host} {_VIOLATIONS.get(sent, 'broke off')}.", is_closed=False)


def _refusal(error: Exception, host: str) -> Refusal:
    """Return the refusal for an error; its text and cause are dropped."""
    if isinstance(error, TimeoutError):
        return UpstreamTimeout(f"{host} did not answer the handshake in time.")
    if isinstance(error, ssl.SSLError):
        return UpstreamTls(f"{host} did not present a certificate that is trusted for this name.")
    if isinstance(error, WebSocketException) and not isinstance(error.__cause__, EOFError):
        return ResponseUnreadable(f"{host} answered the handshake, but not as a WebSocket server does.")
    if not isinstance(error, OSError | WebSocketException):
        logger.error("a WebSocket handshake failed with an unexpected %s", type(error).__name__)
    return UpstreamUnreachable(f"{host} could not be reached.")
