"""Facts about upstreams that runs leave for later ones, in the memory of this process.

Owns: the bound of what is kept, and for how long. It holds no credential and nothing that an upstream worded.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from uuid import UUID

MAX_KEPT = 1000
KEPT_SECONDS = 3600.0

Key = tuple[UUID, UUID, str]
"""An organization, an integration, and what the fact is about: no fact is shared between two of them."""


class Memory:
    """Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._kept: OrderedDict[Key, tuple[float, str]] = OrderedDict()

    def get(self, key: Key) -> str | None:
        """The fact; None where there is none or it is too old."""
        with self._lock:
            until, fact = self._kept.get(key, (0.0, ""))
        return fact if until > self._clock() else None

    def put(self, key: Key, fact: str) -> None:
        """Keep it; the oldest go where there are too many."""
        with self._lock:
            self._kept[key] = (self._clock() + KEPT_SECONDS, fact)
            self._kept.move_to_end(key)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)


MEMORY = Memory()
"""That of this process."""
