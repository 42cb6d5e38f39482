"""The limits of an API key: concurrent calls, and calls per minute.

Calls per minute are counted in the database, so the limit is exact across processes. Each process counts concurrent
calls by itself: that limit protects the process, and the count must not survive a crash.
"""

import threading
from collections import Counter
from uuid import UUID

from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from accounts.actors import Actor
from accounts.errors import RateLimited
from accounts.models import ApiKey


class ConcurrentCalls:
    """The calls in progress in this process, by API key. Safe to use from several threads."""

    def __init__(self) -> None:
        self._counts: Counter[UUID] = Counter()
        self._lock = threading.Lock()

    def acquire(self, actor: Actor) -> None:
        """Count one more call of this actor. People and commands have no limit.

        Raises:
            RateLimited: the API key has reached its limit of concurrent calls.
        """
        if actor.id is None or actor.max_concurrent is None:
            return
        with self._lock:
            if self._counts[actor.id] >= actor.max_concurrent:
                raise _limited(f"This API key has reached its limit of {actor.max_concurrent} concurrent calls.", 1)
            self._counts[actor.id] += 1

    def release(self, actor: Actor) -> None:
        """Count one call less, after a call that `acquire` counted has ended."""
        if actor.id is None or actor.max_concurrent is None:
            return
        with self._lock:
            self._counts[actor.id] -= 1
            if not self._counts[actor.id]:
                del self._counts[actor.id]


CONCURRENT_CALLS = ConcurrentCalls()


def count_call(actor: Actor) -> None:
    """Count a call towards the actor's limit per minute of the clock.

    Raises:
        RateLimited: the API key has reached its limit for this minute.
    """
    if actor.id is None or actor.max_per_minute is None:
        return
    now = timezone.now()
    minute = now.replace(second=0, microsecond=0)
    has_room = Q(minute=None) | ~Q(minute=minute) | Q(minute_calls__lt=actor.max_per_minute)
    calls = Case(When(minute=minute, then=F("minute_calls") + 1), default=Value(1))
    if not ApiKey.objects.filter(has_room, pk=actor.id).update(minute=minute, minute_calls=calls):
        sentence = f"This API key has reached its limit of {actor.max_per_minute} calls per minute."
        raise _limited(sentence, 60 - now.second)


def _limited(sentence: str, seconds: int) -> RateLimited:
    refusal = RateLimited(f"{sentence} Try again in {seconds} s.")
    refusal.members["retry_after_seconds"] = seconds
    return refusal
