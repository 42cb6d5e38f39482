"""Admitting large answers, so that they never fill the memory: how many of them a process holds at once.

An answer is large once more of its body has arrived than actions take without asking for it. The rest is then read only
when there is room, and the room is given back when the caller has the answer. No organization may take all of it.
"""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from uuid import UUID
from weakref import WeakKeyDictionary, WeakValueDictionary

from accounts.common import observers

MOST_LARGE, MOST_LARGE_OF_ONE = 4, 2
"""Large answers that a process holds in memory at once: of all organizations, and of one."""

AT_END: ContextVar[list[Callable[[], None]] | None] = ContextVar("AT_END", default=None)
"""What is to be called when the current request has been answered; None outside of a request."""


class Room:
    """The room for large answers on one event loop. Those that wait are let in in the order of their arrival."""

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(MOST_LARGE)
        self._own: WeakValueDictionary[UUID, asyncio.Semaphore] = WeakValueDictionary()

    async def enter(self, organization: UUID) -> Callable[[], None]:
        """Wait for room; return the function that gives it back."""
        own = self._own.setdefault(organization, asyncio.Semaphore(MOST_LARGE_OF_ONE))
        await own.acquire()
        try:
            await self._all.acquire()
        except BaseException:
            own.release()
            raise

        def leave() -> None:
            self._all.release()
            own.release()

        return leave


_ROOMS: WeakKeyDictionary[asyncio.AbstractEventLoop, Room] = WeakKeyDictionary()


async def make_room(organization: UUID) -> None:
    """Wait until a large answer may be read, and keep its room until the current request has been answered.

    Outside of requests, as in commands, there is nobody to wait for.
    """
    at_end = AT_END.get()
    if at_end is None or at_end:
        return
    room = _ROOMS.setdefault(asyncio.get_running_loop(), Room())
    with observers.step("room_for_large_answer"):
        at_end.append(await room.enter(organization))
