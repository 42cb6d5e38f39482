"""Back-off for upstreams that answered with a request to wait, kept in memory.

A pause applies to calls with the same secrets of one organization to one origin. Each process learns pauses from the
responses that it receives itself, like the tokens of `oauth_tokens.py`.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

from accounts.errors import RateLimited

LONGEST = 3600.0
"""Upper limit of a pause, in seconds."""
MAX_KEPT = 1000


class BackOff:
    """The pauses of one process. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until: OrderedDict[Hashable, float] = OrderedDict()

    def refuse(self, key: Hashable, host: str) -> None:
        """Refuse a call while a pause lasts.

        Raises:
            RateLimited: with `retry_after_seconds` among its members.
        """
        with self._lock:
            left = self._until.get(key, 0.0) - self._clock()
            if left <= 0:
                self._until.pop(key, None)
                return
        seconds = math.ceil(left)
        refusal = RateLimited(f"{host} accepts no more calls with this credential for now. Try again in {seconds} s.")
        refusal.members["retry_after_seconds"] = seconds
        raise refusal

    def note(self, key: Hashable, seconds: float) -> None:
        """Start or extend a pause, of at most `LONGEST` seconds. Zero seconds start none."""
        if seconds <= 0:
            return
        with self._lock:
            self._until[key] = max(self._until.get(key, 0.0), self._clock() + min(seconds, LONGEST))
            self._until.move_to_end(key)
            while len(self._until) > MAX_KEPT:
                self._until.popitem(last=False)


BACK_OFF = BackOff()
"""The pauses of this process."""
