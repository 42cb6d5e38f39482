"""Upstreams that asked to be left alone for a while, remembered in memory.

Owns: until when calls with the same secrets of one organization to one origin are not made. A process learns it from
the answers that it got itself, like the tokens of `tokens.py`; another one learns it with its own first answer.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

from accounts.errors import RateLimited

LONGEST = 3600.0
MAX_KEPT = 1000


class Pauses:
    """The pauses of one process. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until: OrderedDict[Hashable, float] = OrderedDict()

    def refuse(self, key: Hashable, host: str) -> None:
        """Raise RateLimited while the pause lasts; its member `retry_after_seconds` says how long that is."""
        with self._lock:
            left = self._until.get(key, 0.0) - self._clock()
            if left <= 0:
                self._until.pop(key, None)
                return
        seconds = math.ceil(left)
        refusal = RateLimited(f"{host} takes no more calls with this credential for now. Try again in {seconds} s.")
        refusal.members["retry_after_seconds"] = seconds
        raise refusal

    def note(self, key: Hashable, seconds: float) -> None:
        """From now on, for so many seconds, at most `LONGEST`; nothing for 0."""
        if seconds <= 0:
            return
        with self._lock:
            self._until[key] = max(self._until.get(key, 0.0), self._clock() + min(seconds, LONGEST))
            self._until.move_to_end(key)
            while len(self._until) > MAX_KEPT:
                self._until.popitem(last=False)


PAUSES = Pauses()
"""Those of this process."""
