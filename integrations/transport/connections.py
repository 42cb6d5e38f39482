"""Connections to judged addresses, made for one origin and kept between the calls of one integration.

Owns: one lookup for one call, the judgement of every address, and the same judgement again where the socket is made
and once it is connected (docs/security-rules.md, "Connections"). The HTTP client takes its connections from here and
nowhere else; which addresses may be dialled is `egress/policy.py`.

A kept connection may carry the next call of the same integration to the same origin under the same rules, never a call
of another integration or organization. It is kept so briefly that an upstream which closes idle connections has rarely
done so when the next call is sent: a call that meets a closed one is sent again only where HTTP says that this does no
harm (RFC 9110 section 9.2.2). However busy it is, a connection is left after a minute, so that a name which leads
elsewhere by then is looked up again.
"""

import asyncio
import socket
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from integrations.egress.lookups import Lookup
from integrations.egress.policy import EgressPolicy, judge_addresses
from integrations.errors import UpstreamUnreachable
from integrations.transport.reception import BoundedHandler

KEEP_SECONDS = 2.0
"""How long a connection may be idle."""
LONGEST_SECONDS = 60.0
"""For how long after its first call a session takes others; those under way are never cut."""
MOST_SESSIONS = 256

Owner = tuple[UUID, UUID]
"""The organization and the integration that a call is made for."""


Place = tuple[Owner, URL, EgressPolicy]
"""Whom a call is for, the origin that it goes to, and the rules that its connection was judged by."""


class JudgedResolver(AbstractResolver):
    """Resolves the host of one URL; refuses all answers when one of them is refused."""

    def __init__(self, url: URL, policy: EgressPolicy, lookup: Lookup) -> None:
        self._url, self._policy, self._lookup = url, policy, lookup

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - the client's signature; both are asked for
    ) -> list[ResolveResult]:
        """The addresses to dial. Raises EgressDenied or UpstreamUnreachable."""
        try:
            addresses = await self._lookup(host, port)
        except (OSError, UnicodeError):
            raise UpstreamUnreachable(f"The name {host} could not be resolved.") from None
        judge_addresses(self._url, addresses, self._policy)
        return [_resolved(host, address, port) for address in addresses]

    async def close(self) -> None:
        """Nothing is held open."""


class JudgedConnector(aiohttp.TCPConnector):
    """Connections to the origin of one URL, to judged addresses only; whoever makes it says whether they are kept."""

    def __init__(self, url: URL, policy: EgressPolicy, lookup: Lookup, **options: Any) -> None:
        self._judged_url, self._policy = url, policy
        resolver = JudgedResolver(url, policy, lookup)
        super().__init__(resolver=resolver, socket_factory=self._judged_socket, use_dns_cache=False, **options)
        reading: type[ResponseHandler] = BoundedHandler
        self._factory = partial(reading, loop=self._loop)

    async def connect(self, *args: Any, **kwargs: Any) -> aiohttp.connector.Connection:
        """A connection whose other end was judged once more, by what the kernel says it is.

        One that was kept, and on which something came that nobody asked for, is not used: it would be the answer.
        """
        connection = await super().connect(*args, **kwargs)
        while connection.protocol is not None and connection.protocol.should_close:
            connection.close()
            connection = await super().connect(*args, **kwargs)
        try:
            self._judge_peer(connection.transport)
        except BaseException:
            connection.close()
            raise
        return connection

    def _judged_socket(self, info: Any) -> socket.socket:
        """The client skips its resolver for addresses written as numbers, so the address is judged here as well."""
        family, kind, protocol, _, address = info
        judge_addresses(self._judged_url, [address[0]], self._policy)
        return socket.socket(family, kind, protocol)

    def _judge_peer(self, transport: asyncio.Transport | None) -> None:
        peer = transport.get_extra_info("peername") if transport else None
        if not peer:
            raise UpstreamUnreachable("The connection was closed before the call was sent.")
        judge_addresses(self._judged_url, [peer[0]], self._policy)


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
class _KeptConnection:
    session: aiohttp.ClientSession
    until: float
    users: int = 0
    is_left: bool = False
    """Whether nobody else may use it: whoever uses it last closes it."""


class Pool:
    """The sessions of one event loop, each with the open connections of one integration to one origin."""

    def __init__(self) -> None:
        """None yet."""
        self._kept: OrderedDict[Place, _KeptConnection] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def session(
        self, place: Place, make: Callable[[], aiohttp.ClientSession]
    ) -> AsyncIterator[aiohttp.ClientSession]:
        """The session for such calls, made when there is none; it stays open afterwards."""
        kept = self._at(place, make)
        kept.users += 1
        try:
            yield kept.session
        finally:
            kept.users -= 1
            if kept.is_left and not kept.users:
                self._close(kept)

    async def close(self) -> None:
        """Close every connection."""
        while self._kept:
            self._close(self._kept.popitem()[1])
        await asyncio.gather(*self._closing)

    def _at(self, place: Place, make: Callable[[], aiohttp.ClientSession]) -> _KeptConnection:
        now = asyncio.get_running_loop().time()
        kept = self._kept.get(place)
        if kept and kept.until <= now:
            self._leave(place)
            kept = None
        if kept is None:
            self._make_room()
            kept = self._kept[place] = _KeptConnection(make(), now + LONGEST_SECONDS)
        self._kept.move_to_end(place)
        return kept

    def _make_room(self) -> None:
        """Leave what was used longest ago and nobody uses now, until there is room for one more."""
        idle = [place for place, kept in self._kept.items() if not kept.users]
        for place in idle[: max(0, len(self._kept) - MOST_SESSIONS + 1)]:
            self._leave(place)

    def _leave(self, place: Place) -> None:
        kept = self._kept.pop(place)
        kept.is_left = True
        if not kept.users:
            self._close(kept)

    def _close(self, kept: _KeptConnection) -> None:
        """Nobody waits for that: how long it takes is the upstream's to say."""
        task = asyncio.create_task(kept.session.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


_pools: dict[asyncio.AbstractEventLoop, Pool] = {}


@asynccontextmanager
async def keeping_connections() -> AsyncIterator[None]:
    """While the block runs, calls of this event loop keep their connections; without it each call has its own."""
    loop = asyncio.get_running_loop()
    _pools[loop] = Pool()
    try:
        yield
    finally:
        await _pools.pop(loop).close()


def pool_here() -> Pool | None:
    """The pool of the running event loop, where there is one."""
    return _pools.get(asyncio.get_running_loop())
