"""Opened data keys, for at most five minutes, in this process's memory alone.

Each lies under everything that it is bound to, so a changed row never meets a cached key.
"""

import threading
import time
from collections import OrderedDict
from uuid import UUID

CACHE_SECONDS = 300.0
CACHE_SIZE = 1000

CacheKey = tuple[UUID, UUID | None, str, bytes]
"""Data key id, organization, master key id, and the digest of the wrapped bytes."""


class DataKeyCache:
    """Opened data keys: bounded in number and age, safe between threads."""

    def __init__(self) -> None:
        """Empty."""
        self._entries: OrderedDict[CacheKey, tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: CacheKey) -> bytes | None:
        """The data key, unless it was never there or is too old."""
        with self._lock:
            expires, data_key = self._entries.get(key, (0.0, None))
            if time.monotonic() < expires:
                return data_key
            self._entries.pop(key, None)
            return None

    def put(self, key: CacheKey, data_key: bytes) -> None:
        """Keep it; the one that was put longest ago makes room."""
        with self._lock:
            self._entries[key] = (time.monotonic() + CACHE_SECONDS, data_key)
            self._entries.move_to_end(key)
            while len(self._entries) > CACHE_SIZE:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._entries.clear()
