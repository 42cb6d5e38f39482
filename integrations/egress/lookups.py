"""DNS look-ups through the operating system's resolver, shared fairly between organizations.

A look-up blocks a thread until the resolver gives up, long after the run that needed it has ended, so names whose
servers never answer could occupy every thread. Look-ups therefore have threads of their own, the number for one
organization is limited, and concurrent look-ups of a name share one thread. Results are not cached: each call judges
the addresses (`transport/connections.py`).
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
"""Resolves a host name and a port to all addresses of the name, as text. Raises OSError if there are none."""

_Query = tuple[Hashable, str, int]
_Found = list[str] | OSError | UnicodeError


class Lookups:
    """The look-ups in progress in this process. Safe to use from several threads, each with its own event loop."""

    def __init__(self, threads: int = THREADS, most_each: int = MOST_EACH) -> None:
        """Create the pool of threads.

        Args:
            threads: the size of the pool.
            most_each: the most look-ups at a time for one organization.
        """
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="coffer-names")
        self._most_each = most_each
        self._lock = threading.Lock()
        self._in_progress: dict[_Query, Future[_Found]] = {}
        self._counts: Counter[Hashable] = Counter()

    async def addresses(self, owner: Hashable, host: str, port: int) -> list[str]:
        """Return all addresses of a name. Wait while the organization has reached its limit.

        Args:
            owner: the organization on whose behalf the name is resolved.

        Raises:
            OSError, UnicodeError: the name has no address.
        """
        while (job := self._job((owner, host, port))) is None:
            if jobs := self._jobs_of(owner):  # they may have finished meanwhile
                await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
        found = await asyncio.shield(asyncio.wrap_future(job))
        if isinstance(found, Exception):
            raise found
        return found

    def _job(self, query: _Query) -> Future[_Found] | None:
        """Return the look-up, started if necessary; None if the organization has reached its limit."""
        with self._lock:
            if query not in self._in_progress:
                if self._counts[query[0]] >= self._most_each:
                    return None
                self._counts[query[0]] += 1
                self._in_progress[query] = self._pool.submit(self._look_up, query)
            return self._in_progress[query]

    def _jobs_of(self, owner: Hashable) -> list[asyncio.Future[_Found]]:
        with self._lock:
            return [asyncio.wrap_future(job) for query, job in self._in_progress.items() if query[0] == owner]

    def _look_up(self, query: _Query) -> _Found:
        """Resolve a name. An error is returned, because there may be no caller left to receive an exception."""
        owner, host, port = query
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in answers))
        except (OSError, UnicodeError) as failure:
            return failure
        finally:
            with self._lock:
                del self._in_progress[query]
                self._counts[owner] -= 1
                if not self._counts[owner]:
                    del self._counts[owner]


LOOKUPS = Lookups()
"""The look-ups of this process."""

system_lookup: Lookup = partial(LOOKUPS.addresses, None)
"""The resolver for calls that belong to no organization."""
