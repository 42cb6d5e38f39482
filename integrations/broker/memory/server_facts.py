"""Facts about upstreams that runs remember for later runs, in the memory of the process.

The number and age of facts are limited. A fact is never a credential, and never text from an upstream.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from uuid import UUID

MAX_KEPT = 1000
KEPT_SECONDS = 3600.0

Key = tuple[UUID, UUID, str]
"""An organization, an integration and the name of the fact, so integrations never share a fact."""


class ServerFacts:
    """The facts of one process. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._kept: OrderedDict[Key, tuple[float, str]] = OrderedDict()

    def get(self, key: Key) -> str | None:
        """Return the fact; None if there is none or it has expired."""
        with self._lock:
            until, fact = self._kept.get(key, (0.0, ""))
        return fact if until > self._clock() else None

    def put(self, key: Key, fact: str) -> None:
        """Store a fact; the oldest facts are dropped if there are too many."""
        with self._lock:
            self._kept[key] = (self._clock() + KEPT_SECONDS, fact)
            self._kept.move_to_end(key)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)


SERVER_FACTS = ServerFacts()
"""The facts of this process."""
