"""Sending SIP requests: the only place from which SIP requests leave Coffer.

A connection goes to one judged address over UDP, TCP or TLS, and carries one request at a time (RFC 3261 sections 17
and 18). The name is resolved once and its addresses are judged; the peer is judged again as the kernel reports it; TLS
is verified against the configured host. Every error becomes a refusal without its cause. Messages are parsed and
written in `integrations.sip.messages`; the broker masks responses.
"""

import asyncio
import logging
import math
import secrets
import socket
import ssl
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NoReturn

from typing_extensions import override
from yarl import URL

from accounts.errors import Refusal
from integrations.egress.destinations import SIP
from integrations.egress.lookups import Lookup, system_lookup
from integrations.egress.policy import EgressPolicy, admit_url
from integrations.errors import ResponseTooLarge, ResponseUnreadable, UpstreamTimeout, UpstreamTls, UpstreamUnreachable
from integrations.sip.messages import (
    MAX_BYTES,
    MalformedSip,
    SipMessage,
    SipPeer,
    SipRequest,
    SipTooLarge,
    body_length,
    read_datagram,
    read_head,
    write,
)
from integrations.transport.client import check_tls
from integrations.transport.connections import CONNECT_SECONDS, mark
from integrations.transport.dialling import dial

RESPONSE_SECONDS = 8.0
"""The time limit of one request, including retransmissions."""
WHOLE_SECONDS = 20.0
"""The time limit from the look-up of the name to the last response."""
RESEND_AFTER = (0.5, 1.0, 2.0, 4.0)
"""Seconds between retransmissions over UDP (RFC 3261 section 17.1.2.2)."""

_MAX_WAITING = 32
_MAX_SKIPPED = 256
"""The most unrelated messages on a stream, and the most blank lines before a message."""
_END = b"\r\n\r\n"

logger = logging.getLogger(__name__)


class SipConnection(ABC):
    """An open connection. Requests are sent one after the other."""

    _transport_name: str

    def __init__(self, host: str, local: tuple[str, int]) -> None:
        self._host, self._local = host, local

    async def send(self, request: SipRequest, *, seconds: float = math.inf) -> SipMessage:
        """Send a request and return its final response.

        Args:
            seconds: a time limit below `RESPONSE_SECONDS`.

        Raises:
            UpstreamTimeout, UpstreamUnreachable: there is no response.
            ResponseTooLarge, ResponseUnreadable: the response cannot be read.
        """
        branch = f"z9hG4bK{secrets.token_hex(12)}"
        address, port = self._local
        sent_by = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        raw = write(request, f"SIP/2.0/{self._transport_name} {sent_by};rport;branch={branch}")
        cseq = next(value for name, value in request.headers if name == "CSeq").split(" ")
        async with asyncio.timeout(min(seconds, RESPONSE_SECONDS)):
            return await self._exchange(raw, branch, (int(cseq[0]), cseq[1]))

    @abstractmethod
    async def _exchange(self, raw: bytes, branch: str, cseq: tuple[int, str]) -> SipMessage:
        """Send the bytes and wait for their final response. Other messages are skipped."""

    @abstractmethod
    async def close(self) -> None:
        """Close the socket without waiting for the peer."""


@asynccontextmanager
async def connected(
    peer: SipPeer, policy: EgressPolicy, *, ssl_context: ssl.SSLContext, lookup: Lookup = system_lookup
) -> AsyncIterator[SipConnection]:
    """Open a connection for the block, which may take `WHOLE_SECONDS` of wall-clock time including DNS.

    Raises:
        InvalidUrl, EgressDenied: the peer may not be called.
        UpstreamUnreachable, UpstreamTls, UpstreamTimeout: there is no connection, or the block takes too long.
        ResponseTooLarge, ResponseUnreadable: a response in the block cannot be read.
    """
    check_tls(ssl_context)
    url = admit_url(peer.url, policy, SIP)
    host = url.raw_host or ""
    mark("begun")
    try:
        async with asyncio.timeout(WHOLE_SECONDS):
            async with asyncio.timeout(CONNECT_SECONDS):
                connection = await _dial(url, peer.transport, policy, ssl_context, lookup)
            try:
                yield connection
                mark("answered")
            finally:
                await connection.close()
    except Refusal:
        raise
    except Exception as error:  # broad, because any exception of a library could quote the request
        _raise_refusal(error, host)


class _Datagrams(asyncio.DatagramProtocol):
    """Queues the datagrams of a connected UDP socket; the kernel delivers only the peer's."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[bytes | OSError] = asyncio.Queue(_MAX_WAITING)

    @override
    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._put(data)

    def error_received(self, exc: Exception) -> None:
        self._put(exc if isinstance(exc, OSError) else OSError())

    def _put(self, item: bytes | OSError) -> None:
        if not self.arrived.full():
            self.arrived.put_nowait(item)


class _Udp(SipConnection):
    _transport_name = "UDP"

    def __init__(self, host: str, transport: asyncio.DatagramTransport, datagrams: _Datagrams) -> None:
        super().__init__(host, transport.get_extra_info("sockname")[:2])
        self._transport, self._datagrams = transport, datagrams

    async def _exchange(self, raw: bytes, branch: str, cseq: tuple[int, str]) -> SipMessage:
        resending = asyncio.ensure_future(self._send(raw))
        try:
            while True:
                message = read_datagram(await self._next())
                if message and message.answers(branch, cseq) and message.is_final:
                    return message
        finally:
            resending.cancel()

    async def _send(self, raw: bytes) -> None:
        self._transport.sendto(raw)
        for pause in RESEND_AFTER:
            await asyncio.sleep(pause)
            self._transport.sendto(raw)

    async def _next(self) -> bytes:
        item = await self._datagrams.arrived.get()
        if isinstance(item, OSError):
            raise item
        return item

    async def close(self) -> None:
        self._transport.abort()


class _Stream(SipConnection):
    def __init__(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, tls: bool) -> None:
        super().__init__(host, writer.get_extra_info("sockname")[:2])
        self._reader, self._writer, self._transport_name = reader, writer, "TLS" if tls else "TCP"

    async def _exchange(self, raw: bytes, branch: str, cseq: tuple[int, str]) -> SipMessage:
        self._writer.write(raw)
        await self._writer.drain()
        for _ in range(_MAX_SKIPPED):
            message = await self._next()
            if message.answers(branch, cseq) and message.is_final:
                return message
        raise SipTooLarge("too many")

    async def _next(self) -> SipMessage:
        """Return the next message of the stream. Blank lines between messages are keep-alives."""
        try:
            head = b""
            for _ in range(_MAX_SKIPPED):
                head = await self._reader.readuntil(b"\r\n")
                if head.strip(b"\r\n"):
                    break
            while not head.endswith(_END):
                head += await self._reader.readuntil(b"\r\n")
                if len(head) > MAX_BYTES:
                    raise SipTooLarge("too large")
            message = read_head(head.lstrip(b"\r\n").removesuffix(_END))
            await self._reader.readexactly(body_length(message))
        except asyncio.LimitOverrunError:
            raise SipTooLarge("too large") from None
        return message

    async def close(self) -> None:
        self._writer.transport.abort()


async def _dial(
    url: URL, transport: str, policy: EgressPolicy, context: ssl.SSLContext, lookup: Lookup
) -> SipConnection:
    """Return a connection to the first of the judged addresses that accepts one."""
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    opened = partial(_opened, url.raw_host or "", transport=transport, context=context)
    return await dial(url, policy, lookup, opened, kind=kind)


async def _opened(host: str, sock: socket.socket, *, transport: str, context: ssl.SSLContext) -> SipConnection:
    if transport == "udp":
        loop = asyncio.get_running_loop()
        found, datagrams = await loop.create_datagram_endpoint(_Datagrams, sock=sock)
        return _Udp(host, found, datagrams)
    secured: dict[str, Any] = {"ssl": context, "server_hostname": host} if transport == "tls" else {}
    try:
        reader, writer = await asyncio.open_connection(sock=sock, limit=MAX_BYTES, **secured)
    except BaseException:
        sock.close()
        raise
    return _Stream(host, reader, writer, tls=transport == "tls")


def _raise_refusal(error: Exception, host: str) -> NoReturn:
    """Raise the refusal for an error; its text and cause are dropped."""
    if isinstance(error, TimeoutError):
        raise UpstreamTimeout(f"{host} did not answer in time.") from None
    if isinstance(error, ssl.SSLError):
        raise UpstreamTls(f"{host} did not present a certificate that is trusted for this name.") from None
    if isinstance(error, SipTooLarge):
        raise ResponseTooLarge(f"The response of {host} is larger than {MAX_BYTES} bytes.") from None
    if isinstance(error, MalformedSip):
        raise ResponseUnreadable(f"The response of {host} is not SIP.") from None
    if isinstance(error, asyncio.IncompleteReadError) and error.partial:
        raise ResponseUnreadable(f"{host} closed the connection before its response was complete.") from None
    if not isinstance(error, OSError | EOFError):
        logger.error("a SIP request failed with an unexpected %s", type(error).__name__)
    raise UpstreamUnreachable(f"{host} could not be reached.") from None
