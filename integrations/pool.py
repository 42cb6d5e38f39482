"""Connections that stay open between the calls of one integration.

A connection is dialled once to a judged address and may carry the next call of the same integration to the same origin,
never one of another integration or organization (SECURITY section 3 rule 17). It is kept so briefly that an upstream
which closes idle connections has rarely done so when the next call is sent: a call that meets one failed is not sent
twice, because nobody knows whether the upstream acted on it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import aiohttp
from yarl import URL

KEEP_SECONDS = 2.0
MOST_SESSIONS = 256

Owner = tuple[UUID, UUID]
"""The organization and the integration that a call is made for."""


@dataclass(slots=True)
class _Kept:
    session: aiohttp.ClientSession
    users: int = 0


class Pool:
    """The sessions of one event loop, each with the open connections of one integration to one origin."""

    def __init__(self) -> None:
        """None yet."""
        self._kept: OrderedDict[tuple[Owner, URL], _Kept] = OrderedDict()

    @asynccontextmanager
    async def session(
        self, owner: Owner, origin: URL, make: Callable[[], aiohttp.ClientSession]
    ) -> AsyncIterator[aiohttp.ClientSession]:
        """The session of an integration with an origin, made when there is none; it stays open afterwards."""
        key = owner, origin
        kept = self._kept.get(key)
        if kept is None:
            await self._make_room()
            kept = self._kept.setdefault(key, _Kept(make()))
        self._kept.move_to_end(key)
        kept.users += 1
        try:
            yield kept.session
        finally:
            kept.users -= 1

    async def close(self) -> None:
        """Close every connection."""
        while self._kept:
            _, kept = self._kept.popitem()
            await kept.session.close()

    async def _make_room(self) -> None:
        """Close what was used longest ago and nobody uses now, down to the number that is kept."""
        idle = [key for key, kept in self._kept.items() if not kept.users]
        for key in idle[: len(self._kept) - MOST_SESSIONS + 1]:
            await self._kept.pop(key).session.close()


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
