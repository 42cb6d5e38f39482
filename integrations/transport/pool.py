"""Connections that stay open between the calls of one integration.

A connection is dialled once to a judged address and may carry the next call of the same integration to the same origin
under the same rules, never one of another integration or organization (docs/security-rules.md, "Connections"). It is
kept so briefly that an upstream which closes idle connections has rarely done so when the next call is sent: a call
that meets a closed one is sent again only where HTTP says that this does no harm (RFC 9110 section 9.2.2). However busy
it is, a connection is left after a minute, so that a name which leads elsewhere by now is looked up again.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import aiohttp
from yarl import URL

from integrations.egress.policy import EgressPolicy

KEEP_SECONDS = 2.0
"""How long a connection may be idle."""
LONGEST_SECONDS = 60.0
"""For how long after its first call a session takes others; those under way are never cut."""
MOST_SESSIONS = 256

Owner = tuple[UUID, UUID]
"""The organization and the integration that a call is made for."""


Place = tuple[Owner, URL, EgressPolicy]
"""Whom a call is for, the origin that it goes to, and the rules that its connection was judged by."""


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
