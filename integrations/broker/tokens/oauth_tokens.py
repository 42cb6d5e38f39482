"""Access tokens of OAuth 2 client credentials (RFC 6749 section 4.4): fetching, caching and sharing them.

Tokens are kept in memory by organization, token request and ids of the values in it, so a changed secret never gets an
old token. Concurrent runs that need the same token share one request.
"""

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass

from accounts.errors import Refusal
from integrations.errors import TokenRefused
from secrets_app.plaintext import Plaintext

KEPT_WITHOUT_EXPIRY = 300.0
"""Lifetime in seconds of a token without `expires_in`, which is optional (RFC 6749 section 5.1)."""
LONGEST = 24 * 3600.0
"""Upper limit of a token's lifetime, in seconds."""
MAX_SKEW = 60.0
"""The most seconds before its expiry that a token is no longer used."""
SKEW_SHARE = 0.2
"""The share of its lifetime after which a short-lived token is no longer used, counted from the end."""
FAILURE_KEPT = 15.0
"""How long a refusal is repeated without another request, in seconds."""
MAX_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Grant:
    """An access token and its lifetime in seconds."""

    token: Plaintext
    seconds: float


@dataclass(frozen=True, slots=True)
class _KeptToken:
    """A cached token, or a cached refusal, until the time `until`."""

    until: float
    token: Plaintext | None = None
    refusal: Refusal | None = None


Fetch = Callable[[], Awaitable[Grant]]


class Tokens:
    """The tokens of one process. Safe to use from several threads, each with its own event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, _KeptToken] = OrderedDict()
        self._fetches: dict[tuple[asyncio.AbstractEventLoop, Hashable], asyncio.Task[Plaintext]] = {}

    async def get(self, key: Hashable, fetch: Fetch, *, instead_of: Plaintext | None = None) -> Plaintext:
        """Return the cached token, or fetch a new one.

        Args:
            key: the organization, the token request and the ids of the values in it.
            fetch: requests a token.
            instead_of: a token that the upstream has refused; it is not returned again.

        Raises:
            Refusal: as raised by `fetch`; it is repeated without a request for `FAILURE_KEPT` seconds.
        """
        kept = self._usable(key, instead_of)
        if kept and kept.refusal is not None:
            raise _again(kept.refusal)
        if kept and kept.token is not None:
            return kept.token
        return await asyncio.shield(self._shared_fetch(key, fetch))

    def _usable(self, key: Hashable, instead_of: Plaintext | None) -> _KeptToken | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept and (kept.until <= self._clock() or (instead_of is not None and kept.token is instead_of)):
                del self._kept[key]
                return None
            return kept

    def _shared_fetch(self, key: Hashable, fetch: Fetch) -> asyncio.Task[Plaintext]:
        place = (asyncio.get_running_loop(), key)
        with self._lock:
            if place not in self._fetches:
                task = asyncio.ensure_future(self._fetched(key, fetch))
                task.add_done_callback(lambda done: self._forget_fetch(place, done))
                self._fetches[place] = task
            return self._fetches[place]

    def _forget_fetch(self, place: tuple[asyncio.AbstractEventLoop, Hashable], done: asyncio.Task[Plaintext]) -> None:
        with self._lock:
            self._fetches.pop(place, None)
        if not done.cancelled():
            done.exception()  # retrieve the exception, so that asyncio does not log it

    async def _fetched(self, key: Hashable, fetch: Fetch) -> Plaintext:
        try:
            grant = await fetch()
        except Refusal as refusal:
            self._keep(key, _KeptToken(self._clock() + FAILURE_KEPT, refusal=refusal))
            raise
        self._keep(key, _KeptToken(self._clock() + usable_for(grant.seconds), token=grant.token))
        return grant.token

    def _keep(self, key: Hashable, kept: _KeptToken) -> None:
        with self._lock:
            self._kept[key] = kept
            self._kept.move_to_end(key)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)


def _again(refusal: Refusal) -> Refusal:
    """Return a refusal of its own for each run, because the run is named in it."""
    if isinstance(refusal, TokenRefused):
        return TokenRefused(refusal.detail, host=refusal.host, said=refusal.said)
    return type(refusal)(refusal.detail)


def usable_for(seconds: float) -> float:
    """Return for how many of its seconds a token is used: not to the very end, and at most a day."""
    bounded = min(max(seconds, 1.0), LONGEST)
    return bounded - min(MAX_SKEW, SKEW_SHARE * bounded)


TOKENS = Tokens()
"""The tokens of this process."""
