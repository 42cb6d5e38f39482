"""Calls with an API key or a session: finding its actor, the limits of its calls, stopping them.

Calls per minute are counted in the database, so the limit is exact across processes and hosts, whose clocks may differ
by seconds: a minute that one host has begun is everybody's. Each process counts concurrent calls by itself: that limit
protects the process, and the count must not survive a crash. Calls of a session count towards its key's limits, too.
"""

import asyncio
import hmac
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import cast
from uuid import UUID

from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.access.key_text import KeyText, read_key
from accounts.access.last_use import record_first_use, record_use
from accounts.access.stops import refusal_of_stopped
from accounts.actors import Actor, ActorKind, actor_for_key
from accounts.common.sql.compiled import Among, CompiledQuery, Question, ask_together
from accounts.errors import RateLimited, Refusal, Unauthenticated
from accounts.models import ApiKey

STOPPED = "This API key was stopped while the call was under way."
LAST_USED_EVERY = timedelta(minutes=1)
MINUTE = timedelta(minutes=1)
_MAKER_IS_ACTIVE = Coalesce("created_by__is_active", "parent__created_by__is_active")

_FORCE = ("revoked_at", "expires_at", "suspended_at", "stopped_by", "stopped_why")
_STOPS = ("agents_stopped_at", "agents_stopped_by", "agents_stopped_why")
_JUDGED = (*_FORCE, *(f"parent__{name}" for name in _FORCE), *(f"organization__{name}" for name in _STOPS))
"""All that `refusal_meanwhile` looks at."""


def _keys() -> QuerySet[ApiKey]:
    return ApiKey.objects.select_related("organization", "parent").annotate(maker_is_active=_MAKER_IS_ACTIVE)


_BY_PREFIX = CompiledQuery(lambda: _keys().filter(Among("prefix")))
_BY_ID = CompiledQuery(lambda: _keys().filter(Among("pk")))
_AGAIN = CompiledQuery(lambda: _keys().only(*_JUDGED).filter(Among("pk")))


@dataclass(frozen=True)
class PresentedKey:
    """The text of an API key as a request sent it, the client's address, and its `User-Agent`."""

    text: str = field(repr=False)
    address: str | None
    user_agent: str = ""

    @cached_property
    def parsed(self) -> KeyText | None:
        """The text as a key; None if it is none."""
        return read_key(self.text)


def bearer_token(header: str) -> str | None:
    """Return the token of an `Authorization` header, or None if it is not a bearer token."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def actor_of_key(text: str, *, address: str | None, user_agent: str = "") -> Actor:
    """Return the actor of an API key and record the key's last use, at most once a minute.

    Raises:
        Unauthenticated: the text is not a key, or the key is unknown, expired, revoked, or was created by a person who
            is deactivated now. The error does not tell these cases apart; a suspended key is told that it is.
        AgentsStopped, AgentStopped: a person has stopped all agents of the organization, or this one.
    """
    (result,) = actors_of_keys([PresentedKey(text, address, user_agent)])
    if isinstance(result, Refusal):
        raise result
    return result


def actors_of_keys(presented: Sequence[PresentedKey]) -> list[Actor | Refusal]:
    """Do the work of `actor_of_key` for many keys in one query. Errors are returned instead of raised."""
    return actors_among(presented, *ask_together(keys_presented(presented)))


def keys_presented(presented: Iterable[PresentedKey]) -> Question[ApiKey]:
    """Return the question for the keys that these texts may belong to; `actors_among` judges the answer."""
    return _BY_PREFIX.among({(one.parsed.prefix,) for one in _by_text(presented).values() if one.parsed})


def actors_among(presented: Sequence[PresentedKey], found: Iterable[ApiKey]) -> list[Actor | Refusal]:
    """Do the work of `actors_of_keys` with the answer to `keys_presented`. Each text is judged once."""
    now, texts = timezone.now(), _by_text(presented)
    in_force = {key.prefix: key for key in found if _is_in_force(key, now)}
    keys = {text: key for text, one in texts.items() if (key := _key_of(one.parsed, in_force))}
    _record_last_use([(key, texts[text]) for text, key in keys.items()], now)
    return [_actor(keys.get(one.text), one.address) for one in presented]


def _by_text(presented: Iterable[PresentedKey]) -> dict[str, PresentedKey]:
    return {request.text: request for request in presented}


def _key_of(text: KeyText | None, known: Mapping[str, ApiKey]) -> ApiKey | None:
    key = known.get(text.prefix) if text else None
    return key if key and text and hmac.compare_digest(bytes(key.digest), text.digest) else None


def _actor(key: ApiKey | None, address: str | None) -> Actor | Refusal:
    if key is None:
        return Unauthenticated("Send a valid API key: Authorization: Bearer cof_…")
    return refusal_of_stopped(key) if _is_stopped(key) else actor_for_key(key, address=address)


def _is_in_force(key: ApiKey, now: datetime) -> bool:
    """Whether the key, and the key behind a session, may be used. `key` is annotated with `maker_is_active`."""
    if key.maker_is_active is False or _has_ended(key, now):  # type: ignore[attr-defined]
        return False
    return key.parent is None or not _has_ended(key.parent, now)


def _has_ended(key: ApiKey, now: datetime) -> bool:
    return key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now)


def keys_in_force(ids: Iterable[UUID]) -> set[UUID]:
    """Return which of these keys may still be used; for streams that were opened before."""
    return {key_id for key_id, key in keys_of(ids).items() if not refusal_meanwhile(key)}


def keys_of(ids: Iterable[UUID]) -> dict[UUID, ApiKey]:
    """Return the keys of calls under way, which were looked up before, as they are now. A deleted one is left out."""
    return {key.pk: key for key in _BY_ID.ask({(key_id,) for key_id in ids})}


def keys_with(ids: Iterable[UUID]) -> Question[ApiKey]:
    """Return the question for these keys as they are now, with no more than `refusal_meanwhile` looks at."""
    return _AGAIN.among({(key_id,) for key_id in ids})


def refusal_meanwhile(key: ApiKey | None, now: datetime | None = None) -> Refusal | None:
    """Return why a call under way may not go on; None if it may. `key` was looked up again; None if it is deleted."""
    if key is None or not _is_in_force(key, now or timezone.now()):
        return Unauthenticated(STOPPED)
    return refusal_of_stopped(key) if _is_stopped(key) else None


def _is_stopped(key: ApiKey) -> bool:
    """Whether a person has stopped the key, the one behind it or all agents, or its calls have suspended it."""
    return bool(key.organization.agents_stopped_at or key.suspended_at or (key.parent and key.parent.suspended_at))


def _record_last_use(used: Iterable[tuple[ApiKey, PresentedKey]], now: datetime) -> None:
    """Record the last use of keys and of the keys behind sessions, at most once a minute for each."""
    latest = {one.id: (one, request) for key, request in used for one in (key, key.parent) if one}
    for key, request in latest.values():  # each by itself: processes would lock several in different orders
        if key.last_used_at is None or key.last_used_at < now - LAST_USED_EVERY:
            record_use(key, address=request.address, user_agent=request.user_agent, now=now)
            if key.last_used_at is None and key.parent_id is None:
                record_first_use(key)


class _Stoppable:
    """A block that runs as a call, and ends with a refusal once it is stopped."""

    def __init__(self, actor: Actor, integrations: Sequence[UUID], under_way: "set[_Stoppable]") -> None:
        self._actor, self._integrations, self._under_way = actor, integrations, under_way
        self._stopped_by: Callable[[], Refusal] | None = None

    def __enter__(self) -> None:
        self._task = cast("asyncio.Task[object]", asyncio.current_task())
        self._cancelling = self._task.cancelling()
        self._under_way.add(self)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._under_way.discard(self)
        if self._stopped_by and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise self._stopped_by() from None

    def is_stopped_with(self, stopped: UUID) -> bool:
        """Return whether the call belongs to this key, session, integration or organization."""
        actor = self._actor
        agent = (actor.id, actor.key_id, actor.organization.pk) if actor.kind is ActorKind.API_KEY else ()
        return stopped in agent or stopped in self._integrations

    def stop(self, refusal: Callable[[], Refusal]) -> None:
        """End the block, from any thread."""
        with suppress(RuntimeError):  # the event loop was closed
            self._task.get_loop().call_soon_threadsafe(self._stop, refusal)

    def _stop(self, refusal: Callable[[], Refusal]) -> None:
        if self in self._under_way and self._stopped_by is None:
            self._stopped_by = refusal
            self._task.cancel()


class ConcurrentCalls:
    """The calls in progress in this process. Safe to use from several threads."""

    def __init__(self) -> None:
        self._counts: dict[UUID, int] = {}
        self._under_way: set[_Stoppable] = set()
        self._lock = threading.Lock()

    def acquire(self, actor: Actor) -> None:
        """Count one more call of this actor. People and commands have no limit.

        Raises:
            RateLimited: the API key, or the one that made the session, has reached its limit of concurrent calls.
        """
        with self._lock:
            counts = {}
            for key_id, most in _most_at_once(actor):
                if (number := self._counts.get(key_id, 0) + 1) > most:
                    raise _limited(f"{_limited_key(actor, key_id)} its limit of {most} concurrent calls.", 1)
                counts[key_id] = number
            self._counts.update(counts)

    def release(self, actor: Actor) -> None:
        """Count one call less, after a call that `acquire` counted has ended."""
        with self._lock:
            for key_id, _ in _most_at_once(actor):
                if others := self._counts.pop(key_id) - 1:
                    self._counts[key_id] = others

    def stoppable(self, actor: Actor, integrations: Sequence[UUID] = ()) -> AbstractContextManager[None]:
        """Run the block as a call of this actor, which `stop` ends.

        Args:
            integrations: the ids of the integration that is called and its parents.

        Raises:
            Refusal: as the one who stopped it said.
        """
        return _Stoppable(actor, integrations, self._under_way)

    def stop(self, stopped: UUID, refusal: Callable[[], Refusal] = lambda: Unauthenticated(STOPPED)) -> None:
        """Stop calls that this process makes.

        Args:
            stopped: the id of an API key, whose sessions are stopped with it, of a session, of an integration, or of an
                organization, whose people go on.
            refusal: makes what each call is refused with.
        """
        for call in self._under_way.copy():
            if call.is_stopped_with(stopped):
                call.stop(refusal)


CONCURRENT_CALLS = ConcurrentCalls()


def _most_at_once(actor: Actor) -> list[tuple[UUID, int]]:
    """Return the limits of concurrent calls that count for this actor: its key's, and that of the key behind it."""
    behind = _most_at_once(actor.within) if actor.within else []
    return behind if actor.id is None or actor.max_concurrent is None else [(actor.id, actor.max_concurrent), *behind]


def count_call(actor: Actor) -> None:
    """Count a call towards the actor's limit per minute of the clock, then towards that of the key behind a session.

    Raises:
        RateLimited: the API key has reached its limit for this minute.
    """
    for key in (actor, actor.within):
        if key and key.max_per_minute is not None and (seconds := _count(key.id, key.max_per_minute)):
            sentence = f"{_limited_key(actor, key.id)} its limit of {key.max_per_minute} calls per minute."
            raise _limited(sentence, seconds)


def _count(key_id: UUID | None, most: int) -> int:
    """Count a call of a key; return the seconds to wait if there is no room for it in this minute."""
    now = timezone.now()
    minute = now.replace(second=0, microsecond=0)
    is_counted = Q(minute__range=(minute, minute + MINUTE))  # also the next, where another host's clock is ahead
    has_room = Q(minute=None) | ~is_counted | Q(minute_calls__lt=most)
    calls = Case(When(is_counted, then=F("minute_calls") + 1), default=Value(1))
    latest = Case(When(is_counted, then=F("minute")), default=Value(minute))
    is_counted_now = ApiKey.objects.filter(has_room, pk__in=[key_id]).update(minute=latest, minute_calls=calls)
    return 0 if is_counted_now else 60 - now.second


def _limited_key(actor: Actor, key_id: UUID | None) -> str:
    if actor.within is None:
        return "This API key has reached"
    return "This session has reached" if key_id == actor.id else "The API key of this session has reached"


def _limited(sentence: str, seconds: int) -> RateLimited:
    refusal = RateLimited(f"{sentence} Try again in {seconds} s.")
    refusal.members["retry_after_seconds"] = seconds
    return refusal
