"""The values of other runs that a host may hold and echo, and the threads in which answers are searched for them.

A mask set holds every strong value that the organization sends to a host.

Index and values of a host are kept in memory for a short time, by organization and host. A stamp, which the database
moves in each transaction that adds a value or a destination (`integrations/triggers.py`) and which each run reads
afresh, tells whether they still hold.
"""

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from accounts.common.database import in_database
from integrations.models import SecretDestination
from secrets_app.redaction.redactor import ValueSet
from secrets_app.sealing import resolver

KEPT_SECONDS = 60.0
KEPT_BYTES = 64 * 1024 * 1024

T = TypeVar("T")

Key = tuple[int, str]
"""The id of an organization, as a number because these are compared much faster, and a host."""


@dataclass(frozen=True, slots=True)
class _Kept:
    stamp: int
    until: float
    values: ValueSet


class MaskSets:
    """The mask sets of one process. Safe to use from several threads, each with its own event loop."""

    def __init__(
        self, load: Callable[[UUID, str], ValueSet], clock: Callable[[], float] = time.monotonic, size: int = KEPT_BYTES
    ) -> None:
        """Keep mask sets in memory.

        Args:
            load: reads the mask set of an organization and a host from the database.
            size: how many bytes all sets together may take; those that were used least recently are dropped.
        """
        self._load, self._clock, self._size = load, clock, size
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._loads: dict[tuple[asyncio.AbstractEventLoop, Key, int], asyncio.Task[ValueSet]] = {}

    async def get(self, organization: UUID, hosts: Iterable[str], stamp: int) -> list[ValueSet]:
        """Return the mask sets of hosts, from memory if the stamp says that nothing changed."""
        return [await self._get(organization, host, stamp) for host in sorted(hosts) if host]

    async def _get(self, organization: UUID, host: str, stamp: int) -> ValueSet:
        key = organization.int, host
        with self._lock:
            kept = self._kept.get(key)
            if kept and kept.stamp == stamp and kept.until > self._clock():
                self._kept.move_to_end(key)
                return kept.values
        place = (asyncio.get_running_loop(), key, stamp)
        with self._lock:
            if place not in self._loads:
                self._loads[place] = asyncio.ensure_future(self._loaded(organization, host, stamp))
                self._loads[place].add_done_callback(lambda _: self._loads.pop(place, None))
            task = self._loads[place]
        return await asyncio.shield(task)

    async def _loaded(self, organization: UUID, host: str, stamp: int) -> ValueSet:
        values, key = await in_database(self._load, organization, host), (organization.int, host)
        with self._lock:
            self._kept[key] = _Kept(stamp, self._clock() + KEPT_SECONDS, values)
            self._kept.move_to_end(key)
            while sum(one.values.memory for one in self._kept.values()) > self._size:
                self._kept.popitem(last=False)
        return values


def load(organization: UUID, host: str) -> ValueSet:
    """Open every value, of whichever environment, that the organization sends to a host, and index the strong ones.

    Values that do not open are left out; a run that needs one is refused anyway.
    """
    sent = SecretDestination.objects.filter(organization=organization, host=host)
    values = resolver.open_for_masking(sent.values("reference__secret"))
    return ValueSet(values, only_strong=True)


MASK_SETS = MaskSets(load)
"""The mask sets of this process."""


# Where answers are searched: small ones at once, larger ones in threads, one at a time for each organization. Searching
# holds the interpreter's lock for most of the time, so a large answer must not be searched on the event loop, and many
# large answers of one organization must not keep the others waiting.

SMALL_BYTES = 4 * 1024
"""What is searched on the event loop: two milliseconds for the most hostile text of this size."""
LARGE_BYTES = 64 * 1024
LARGE_WORKERS, MEDIUM_WORKERS = 2, 2


class Workers:
    """Threads for medium texts and for large ones, so that the former never wait for the latter."""

    def __init__(self) -> None:
        self._medium = ThreadPoolExecutor(MEDIUM_WORKERS, thread_name_prefix="coffer-masking")
        self._large = ThreadPoolExecutor(LARGE_WORKERS, thread_name_prefix="coffer-masking-large")
        self._turns: dict[tuple[asyncio.AbstractEventLoop, UUID, bool], _Turn] = {}

    async def run(self, organization: UUID, size: int, job: Callable[[], T]) -> T:
        """Run a job that searches about so many bytes; return its result."""
        if size <= SMALL_BYTES:
            return job()
        is_large, loop = size > LARGE_BYTES, asyncio.get_running_loop()
        key = (loop, organization, is_large)
        turn = self._turns.setdefault(key, _Turn())
        turn.users += 1
        try:
            async with turn.lock:
                return await loop.run_in_executor(self._large if is_large else self._medium, job)
        finally:
            turn.users -= 1
            if not turn.users:
                self._turns.pop(key, None)


class _Turn:
    """The jobs of one organization: the lock that lets in one at a time, and how many wait or run."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0


WORKERS = Workers()
"""The threads of this process."""
