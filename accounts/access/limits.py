"""How fast an API key may make calls: so many at once, so many in a minute of the clock (API.md, "Who").

Calls a minute are counted in the database, exactly, however many processes serve. Calls at once are counted by each
process for itself: they protect what a process has, and such a count does not outlive a crash.
"""

import threading
from collections import Counter
from uuid import UUID

from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from accounts.actors import Actor
from accounts.errors import RateLimited
from accounts.models import ApiKey


class Slots:
    """The calls that are under way in this process, by key."""

    def __init__(self) -> None:
        """None yet."""
        self._taken: Counter[UUID] = Counter()
        self._lock = threading.Lock()

    def take(self, actor: Actor) -> None:
        """Hold one from now on; people and commands hold none.

        Raises:
            RateLimited: the key has as many as it may.
        """
        if actor.id is None or actor.max_concurrent is None:
            return
        with self._lock:
            if self._taken[actor.id] >= actor.max_concurrent:
                raise _limited(f"This API key has {actor.max_concurrent} calls under way, as many as it may.", 1)
            self._taken[actor.id] += 1

    def give_back(self, actor: Actor) -> None:
        """One that was taken for this actor."""
        if actor.id is None or actor.max_concurrent is None:
            return
        with self._lock:
            self._taken[actor.id] -= 1
            if not self._taken[actor.id]:
                del self._taken[actor.id]


SLOTS = Slots()


def count_call(actor: Actor) -> None:
    """Count a call towards the actor's calls of this minute.

    Raises:
        RateLimited: there are as many as there may be.
    """
    if actor.id is None or actor.max_per_minute is None:
        return
    now = timezone.now()
    minute = now.replace(second=0, microsecond=0)
    has_room = Q(minute=None) | ~Q(minute=minute) | Q(minute_calls__lt=actor.max_per_minute)
    calls = Case(When(minute=minute, then=F("minute_calls") + 1), default=Value(1))
    if not ApiKey.objects.filter(has_room, pk=actor.id).update(minute=minute, minute_calls=calls):
        sentence = f"This API key has made {actor.max_per_minute} calls in this minute, as many as it may."
        raise _limited(sentence, 60 - now.second)


def _limited(sentence: str, seconds: int) -> RateLimited:
    refusal = RateLimited(f"{sentence} Try again in {seconds} s.")
    refusal.members["retry_after_seconds"] = seconds
    return refusal
