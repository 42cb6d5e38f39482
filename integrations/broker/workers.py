"""Where answers are searched: small ones at once, larger ones in threads, one at a time for each organization.

Searching holds the interpreter's lock for most of the time, so a large answer must not be searched on the event loop,
and many large answers of one organization must not keep the others waiting.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from uuid import UUID

SMALL_BYTES = 4 * 1024
"""What is searched on the event loop: two milliseconds for the most hostile text of this size."""
LARGE_BYTES = 64 * 1024
LARGE_WORKERS, MEDIUM_WORKERS = 2, 2

T = TypeVar("T")


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
