"""The operating system's resolver, shared so that nobody's slow names hold up the others.

A look-up blocks a thread until the resolver gives up, long after the call that wanted it: names whose servers never
answer would take every thread there is. So look-ups have threads of their own, of which one organization never holds
more than a few, and calls that want the same name at the same time wait for one look-up. Nothing is kept: what an
answer leads to is judged by each call (`dialling.py`).
"""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

THREADS = 64
MOST_EACH = 8

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a host name and a port to all addresses of the name, as text; raises OSError when there are none."""

_Place = tuple[Hashable, str, int]
_Found = list[str] | OSError | UnicodeError


class Lookups:
    """The look-ups under way in this process. Safe to use from several threads, each with its own event loop."""

    def __init__(self, threads: int = THREADS, most_each: int = MOST_EACH) -> None:
        """None yet."""
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="coffer-names")
        self._most_each = most_each
        self._lock = threading.Lock()
        self._under_way: dict[_Place, Future[_Found]] = {}
        self._held: Counter[Hashable] = Counter()

    async def addresses(self, asker: Hashable, host: str, port: int) -> list[str]:
        """All addresses of a name; waits while the asker has as many look-ups under way as it may.

        Raises:
            OSError, UnicodeError: there are none.
        """
        while (job := self._job((asker, host, port))) is None:
            if jobs := self._jobs_of(asker):  # there may be none any more
                await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
        found = await asyncio.shield(asyncio.wrap_future(job))
        if isinstance(found, Exception):
            raise found
        return found

    def _job(self, place: _Place) -> Future[_Found] | None:
        """The look-up, begun if need be; None if the asker has too many."""
        with self._lock:
            if place not in self._under_way:
                if self._held[place[0]] >= self._most_each:
                    return None
                self._held[place[0]] += 1
                self._under_way[place] = self._pool.submit(self._look_up, place)
            return self._under_way[place]

    def _jobs_of(self, asker: Hashable) -> list[asyncio.Future[_Found]]:
        with self._lock:
            return [asyncio.wrap_future(job) for place, job in self._under_way.items() if place[0] == asker]

    def _look_up(self, place: _Place) -> _Found:
        """What the resolver says; a failure is given, so that nobody need be there to take it."""
        asker, host, port = place
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in answers))
        except (OSError, UnicodeError) as failure:
            return failure
        finally:
            with self._lock:
                del self._under_way[place]
                self._held[asker] -= 1
                if not self._held[asker]:
                    del self._held[asker]


LOOKUPS = Lookups()
"""Those of this process."""


def lookup_for(asker: Hashable) -> Lookup:
    """The resolver as one organization uses it."""
    return partial(LOOKUPS.addresses, asker)


system_lookup: Lookup = lookup_for(None)
"""The resolver for nobody in particular."""
