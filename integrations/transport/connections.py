"""Connections to judged addresses, pooled for the calls of one integration to one origin.

A call looks up its host once, and every address is judged: after the look-up, when the socket is created and after it
is connected (docs/security-rules.md, "Connections"). The HTTP client gets all its connections here; which addresses may
be called is decided by `egress/policy.py`.

A pooled connection is only reused by the same integration, in the same environment, for the same origin and under the
same policy. After a minute it is no longer reused, so that a name is looked up again.

A request is sent once, whatever its method: an upstream that closes a connection without a response may have acted on
the request. So that a request rarely meets a closed connection, connections stay idle more briefly than servers keep
them, and one that the upstream has closed meanwhile is left (`_is_stale`).
"""

import asyncio
import select
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from typing_extensions import override
from yarl import URL

from accounts.common.observers import TRACE
from integrations.egress.lookups import Lookup
from integrations.egress.policy import EgressPolicy, judge_addresses
from integrations.errors import UpstreamUnreachable
from integrations.transport.reception import BoundedHandler

KEEP_SECONDS = 1.5
"""How long a connection may be idle. Servers that wait least, such as gunicorn, close theirs after two seconds."""
LONGEST_SECONDS = 60.0
"""How long after its first call a connector takes further calls. Calls in progress are not interrupted."""
MOST_CONNECTORS = 256
"""The most connectors of an event loop; idle ones are closed beyond it."""
CONNECT_SECONDS = 5.0
"""The time limit for connecting."""
_SO_MEMINFO, _WORD = 55, 4
"""An option of Linux sockets (`asm-generic/socket.h`), whose first word is the memory of what nobody has read."""
_ESTABLISHED = b"\x01"
"""The state with which `TCP_INFO` of an open connection begins (`netinet/tcp.h`)."""

Owner = tuple[int, int, str]
"""The ids of the organization and the integration that a call belongs to, as numbers because these are compared much
faster, and its environment."""

PoolKey = tuple[Owner, URL, EgressPolicy, ssl.SSLContext]
"""The owner of a call, its origin, and the policy and the TLS context under which the connection was judged."""


def mark(step: str, *, address: str = "") -> None:
    """Note in the trace of the run under way that a step has ended, and the address that was connected to."""
    if trace := TRACE.get():
        trace.marks.append((step, time.monotonic()))
        trace.address = address or trace.address


class JudgedResolver(AbstractResolver):
    """Resolves the host of one URL. One refused address refuses the host."""

    def __init__(self, url: URL, policy: EgressPolicy, lookup: Lookup) -> None:
        self._url, self._policy, self._lookup = url, policy, lookup

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of the host.

        Raises:
            EgressDenied: an address may not be called.
            UpstreamUnreachable: the name cannot be resolved.
        """
        try:
            addresses = await self._lookup(host, port)
        except (OSError, UnicodeError):
            raise UpstreamUnreachable(f"The name {host} could not be resolved.") from None
        judge_addresses(self._url, addresses, self._policy)
        return [_resolved(host, address, port) for address in addresses]

    async def close(self) -> None:
        """Do nothing; there is nothing to close."""


class JudgedConnector(aiohttp.TCPConnector):
    """Connects to the origin of one URL, at judged addresses only.

    The options decide whether connections are pooled.

    Attributes:
        timeout: the time limits, as the client takes them.
        target: what the client takes for a request, of which connecting needs nothing but the origin.
    """

    def __init__(self, url: URL, policy: EgressPolicy, lookup: Lookup, **options: Any) -> None:
        self._judged_url, self._policy = url, policy
        self.timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS)
        resolver = JudgedResolver(url, policy, lookup)
        super().__init__(resolver=resolver, socket_factory=self._judged_socket, use_dns_cache=False, **options)
        reading: type[ResponseHandler] = BoundedHandler
        self._factory = partial(reading, loop=self._loop)
        self.target = aiohttp.ClientRequest("GET", url, loop=self._loop)

    async def connect(self, *args: Any, **kwargs: Any) -> aiohttp.connector.Connection:
        """Return a connection whose remote address, as the kernel reports it, was judged again.

        A pooled connection that has received unsolicited bytes is discarded, because they would be read as the
        response, and so is one that the upstream has closed.
        """
        connection = await super().connect(*args, **kwargs)
        while connection.protocol is not None and _is_stale(connection.protocol):
            connection.close()
            connection = await super().connect(*args, **kwargs)
        try:
            self._judge_peer(connection.transport)
        except BaseException:
            connection.close()
            raise
        return connection

    def _judged_socket(self, info: Any) -> socket.socket:
        """Create a socket. The client skips its resolver for IP addresses, so they are judged here."""
        family, kind, protocol, _, address = info
        judge_addresses(self._judged_url, [address[0]], self._policy)
        mark("judged")
        return socket.socket(family, kind, protocol)

    def _judge_peer(self, transport: asyncio.Transport | None) -> None:
        peer = transport.get_extra_info("peername") if transport else None
        if not peer:
            raise UpstreamUnreachable("The connection was closed before the call was sent.")
        judge_addresses(self._judged_url, [peer[0]], self._policy)
        mark("sent", address=peer[0])


def _is_stale(protocol: ResponseHandler) -> bool:
    """Return whether no request may be sent on a connection.

    What has arrived on a kept connection is unsolicited bytes or its end. The event loop may not have read it yet, so
    the socket is asked.
    """
    if protocol.should_close:
        return True
    if not isinstance(protocol, BoundedHandler) or not protocol.was_used or protocol.transport is None:
        return False
    return _has_arrivals(protocol.transport.get_extra_info("socket"))


def _has_arrivals(sock: Any) -> bool:
    """Return whether a connected socket holds unread bytes, or its connection has ended.

    Polling says so everywhere, but lets go of the interpreter's lock, which then takes longer to get back than all else
    here together. Linux tells the memory that unread bytes take and the state of the connection without that.
    """
    try:
        unread = sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _WORD)
        state = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    except (AttributeError, OSError):  # another system
        poller = select.poll()
        poller.register(sock.fileno(), select.POLLIN)
        return bool(poller.poll(0))
    return bool(any(unread) or state != _ESTABLISHED)


def _resolved(host: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=0,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )


@dataclass(slots=True)
class _Pooled:
    """A connector while calls use it, which do so inside a block.

    Attributes:
        until: when it takes no further calls, by `time.monotonic`.
        used_at: when the latest call began.
        close: is called by the last user once `is_retired`, which says that no further call may use it.
    """

    connector: JudgedConnector
    until: float
    close: "Callable[[_Pooled], None]"
    used_at: float = 0.0
    users: int = 0
    is_retired: bool = False

    async def __aenter__(self) -> JudgedConnector:
        self.users += 1
        return self.connector

    async def __aexit__(self, *_: object) -> None:
        self.users -= 1
        if self.is_retired and not self.users:
            self.close(self)


class Pool:
    """The connectors of one event loop, each with the connections of one integration and environment to one origin."""

    def __init__(self) -> None:
        self._kept: dict[PoolKey, _Pooled] = {}
        self._closing: set[asyncio.Future[None]] = set()

    def connector(
        self, key: PoolKey, make: Callable[[], JudgedConnector]
    ) -> AbstractAsyncContextManager[JudgedConnector]:
        """Return what connects calls with this owner, origin and policy. It stays open afterwards."""
        now = time.monotonic()
        kept = self._kept.get(key)
        if kept and kept.until <= now:
            self._retire(key)
            kept = None
        if kept is None:
            self._make_room()
            kept = self._kept[key] = _Pooled(make(), now + LONGEST_SECONDS, self._close)
        kept.used_at = now
        return kept

    async def close(self) -> None:
        """Close all connections."""
        while self._kept:
            self._close(self._kept.popitem()[1])
        await asyncio.gather(*self._closing)

    def _make_room(self) -> None:
        """Retire the connectors that have been idle for longest until there is room for another one."""
        idle = [key for key, kept in self._kept.items() if not kept.users]
        idle.sort(key=lambda key: self._kept[key].used_at)
        for key in idle[: max(0, len(self._kept) - MOST_CONNECTORS + 1)]:
            self._retire(key)

    def _retire(self, key: PoolKey) -> None:
        kept = self._kept.pop(key)
        kept.is_retired = True
        if not kept.users:
            self._close(kept)

    def _close(self, kept: _Pooled) -> None:
        """Close connections in the background, because the upstream may delay it."""
        task = asyncio.ensure_future(kept.connector.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


_pools: dict[asyncio.AbstractEventLoop, Pool] = {}


@asynccontextmanager
async def keeping_connections() -> AsyncIterator[None]:
    """Pool the connections of this event loop inside the block. Without it each call connects anew."""
    loop = asyncio.get_running_loop()
    _pools[loop] = Pool()
    try:
        yield
    finally:
        await _pools.pop(loop).close()


def pool_here() -> Pool | None:
    """Return the pool of the running event loop; None outside `keeping_connections`."""
    return _pools.get(asyncio.get_running_loop())


def connector_for(
    origin: URL, policy: EgressPolicy, context: ssl.SSLContext, lookup: Lookup, owner: Owner | None
) -> AbstractAsyncContextManager[JudgedConnector]:
    """Return what connects to an origin: that of the owner, or one of the request's own."""
    pool = pool_here() if owner else None
    if owner is None or pool is None:
        own = JudgedConnector(origin, policy, lookup, ssl=context, force_close=True)
        return cast("AbstractAsyncContextManager[JudgedConnector]", own)
    kept = partial(JudgedConnector, origin, policy, lookup, ssl=context, keepalive_timeout=KEEP_SECONDS, limit=0)
    return pool.connector((owner, origin, policy, context), kept)
