"""Sessions: tokens that an API key makes for one run of an agent each (docs/agents.md, "Sessions").

A session is an API key with a parent. It has a subset of its key's bounds, ends within a day, is in force only while
its key is, and can be stopped alone.
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone

from accounts.access.callers import CONCURRENT_CALLS
from accounts.access.key_text import KeyText, new_key
from accounts.actors import Actor, ActorKind
from accounts.audit import trail
from accounts.common.bounds import HIGHEST_PER_MINUTE, MOST_CHOSEN
from accounts.common.environments import Environment, in_order
from accounts.common.paging import DEFAULT_LIMIT, Page, decode_cursor, encode_cursor, not_of_this_list
from accounts.common.texts import problem_with_line
from accounts.errors import FieldError, Invalid, NotFound, PermissionDenied, RateLimited
from accounts.models import ApiKey
from accounts.policy import Permission, Scope

SHORTEST, USUAL, LONGEST = timedelta(minutes=1), timedelta(hours=1), timedelta(hours=24)
MOST_AT_ONCE = 1_000
KEPT = timedelta(days=7)
"""How long a session is listed after its end."""
NAME_LENGTH = ApiKey._meta.get_field("name").max_length or 80
NOT_STARTED = "The session was not started."


@dataclass(frozen=True, slots=True)
class SessionBounds:
    """What a session is asked to have. None takes what its key has; without scopes it may make calls."""

    scopes: frozenset[Scope] = frozenset({Scope.RUN})
    environments: frozenset[Environment] | None = None
    integrations: frozenset[UUID] | None = None
    max_concurrent: int | None = None
    max_per_minute: int | None = None


def start_session(
    *, actor: Actor, name: str, lifetime: timedelta = USUAL, bounds: SessionBounds | None = None
) -> tuple[ApiKey, KeyText]:
    """Start a session of the API key that acts. Its text is returned once and is not stored.

    Args:
        name: what the session is for, such as the id of a call; runs and the audit log show it.
        lifetime: from one minute to 24 hours. A session ends with its key in any case.

    Raises:
        PermissionDenied: the actor is no API key, has no scope for calls, or is a session itself.
        Invalid: the name, the lifetime, or a bound that is not among those of the key; `errors` names the fields.
        RateLimited: the key has as many sessions in force as it may have.
    """
    _check(actor)
    name, bounds, now = name.strip(), bounds or SessionBounds(), timezone.now()
    with transaction.atomic():
        key = ApiKey.objects.select_for_update().get(pk__in=[actor.id])
        key.organization = actor.organization
        if errors := _faults(key, name, lifetime, bounds):
            raise Invalid(NOT_STARTED, errors=errors)
        _check_room(key, now)
        text = new_key()
        session = ApiKey.objects.create(
            organization=actor.organization,
            parent=key,
            name=name,
            prefix=text.prefix,
            digest=text.digest,
            scopes=sorted(scope.value for scope in bounds.scopes),
            environments=key.environments if bounds.environments is None else bounds.environments,
            integrations=_integrations(key, bounds),
            secrets=key.secrets,
            max_concurrent=bounds.max_concurrent or key.max_concurrent,
            max_per_minute=bounds.max_per_minute or key.max_per_minute,
            expires_at=min(now + lifetime, key.expires_at or now + lifetime),
        )
        _record_start(session, actor)
    return session, text


def _check(actor: Actor) -> None:
    actor.check(Permission.INTEGRATIONS_RUN)
    if actor.kind is not ActorKind.API_KEY or actor.within:
        raise PermissionDenied("Sessions are made and stopped with the API key itself, not with a session.")


def _integrations(key: ApiKey, bounds: SessionBounds) -> list[str] | None:
    return key.integrations if bounds.integrations is None else sorted(str(item) for item in bounds.integrations)


def _check_room(key: ApiKey, now: datetime) -> None:
    """Check that the key, whose row is locked, may have one more session in force.

    Raises:
        RateLimited: it has as many as it may have.
    """
    in_force = in_force_of([key.pk], now)
    if in_force.count() >= MOST_AT_ONCE:
        soonest = in_force.aggregate(end=Min("expires_at"))["end"]
        refusal = RateLimited(
            f"This API key has {MOST_AT_ONCE:,} sessions, the most that it may have at once. Stop those that are no "
            "longer needed, or give them a shorter time."
        )
        refusal.members["retry_after_seconds"] = max(1, round((soonest - now).total_seconds()))
        raise refusal


def in_force_of(key_ids: Iterable[UUID], now: datetime) -> QuerySet[ApiKey]:
    """Return the sessions of these keys that have neither ended nor been stopped."""
    return ApiKey.objects.filter(parent__in=list(key_ids), revoked_at=None, expires_at__gt=now)


def number_in_force(key_ids: Iterable[UUID]) -> dict[UUID, int]:
    """Return how many sessions of each of these keys are in force; keys without any are left out."""
    counted = in_force_of(key_ids, timezone.now()).values_list("parent").annotate(number=Count("pk"))
    return {key_id: number for key_id, number in counted if key_id}


def _record_start(session: ApiKey, actor: Actor) -> None:
    trail.record(
        trail.Event.API_KEY_SESSION_STARTED,
        actor=actor,
        target=session,
        prefix=session.prefix,
        scopes=session.scopes,
        environments=[environment.value for environment in in_order(session.environments)],
        integrations=session.integrations,
        expires_at=session.expires_at.isoformat() if session.expires_at else None,
    )


def _faults(key: ApiKey, name: str, lifetime: timedelta, bounds: SessionBounds) -> list[FieldError]:
    """Return what is wrong with a requested session, field by field."""
    sentences = {
        "name": problem_with_line(name, NAME_LENGTH),
        "minutes": None if SHORTEST <= lifetime <= LONGEST else f"Enter a number from 1 to {LONGEST // SHORTEST}.",
        "scopes": _outside(bounds.scopes, {Scope(scope) for scope in key.scopes}),
        "environments": _outside(bounds.environments, key.environments),
        "integrations": _outside(bounds.integrations, _own_integrations(key)),
        "max_concurrent": _beyond(bounds.max_concurrent, key.max_concurrent),
        "max_per_minute": _beyond(bounds.max_per_minute, key.max_per_minute or HIGHEST_PER_MINUTE),
    }
    return [FieldError(field, sentence) for field, sentence in sentences.items() if sentence]


def _own_integrations(key: ApiKey) -> set[UUID] | None:
    return None if key.integrations is None else {UUID(item) for item in key.integrations}


def _outside(wanted: Set[Any] | None, own: Set[Any] | None) -> str | None:
    """Return the sentence about a choice that is empty, too long, or not among the key's own; None for all of them."""
    if wanted is None or (0 < len(wanted) <= MOST_CHOSEN and (own is None or wanted <= own)):
        return None
    return f"Choose from those of the API key, at least one and at most {MOST_CHOSEN}."


def _beyond(wanted: int | None, most: int) -> str | None:
    """Return the sentence about a limit that is not within that of the key."""
    return None if wanted is None or 1 <= wanted <= most else f"Enter a number from 1 to {most}, the key's own limit."


def sessions_of(*, actor: Actor, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ApiKey]:
    """Return a page of the sessions of the API key that acts, newest first, without their digests.

    Raises:
        PermissionDenied: the actor is no API key that makes sessions.
        Invalid: the cursor does not belong to this list.
    """
    _check(actor)
    return _page(ApiKey.objects.filter(parent=actor.id), cursor, limit)


def sessions_of_key(*, actor: Actor, key_id: UUID, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ApiKey]:
    """Return the same for a person and a key of their organization.

    Raises:
        PermissionDenied: the actor may not see keys.
        Invalid: the cursor does not belong to this list.
    """
    actor.check(Permission.API_KEYS_READ)
    return _page(ApiKey.objects.filter(organization=actor.organization, parent=key_id), cursor, limit)


def _page(sessions: QuerySet[ApiKey], cursor: str, limit: int) -> Page[ApiKey]:
    if cursor:
        created_at, session_id = position(cursor)
        sessions = sessions.filter(Q(created_at__lt=created_at) | Q(created_at=created_at, pk__lt=session_id))
    found = list(sessions.defer("digest").order_by("-created_at", "-pk")[: limit + 1])
    last = found[limit - 1] if len(found) > limit else None
    return Page(found[:limit], encode_cursor([last.created_at.isoformat(), str(last.pk)]) if last else None)


def position(cursor: str) -> tuple[datetime, UUID]:
    """Return the time and the id in a cursor of a list of keys.

    Raises:
        Invalid: the cursor does not belong to such a list.
    """
    moment, key_id = decode_cursor(cursor, length=2)
    try:
        return datetime.fromisoformat(moment).astimezone(UTC), UUID(key_id)
    except (ValueError, OverflowError):
        raise not_of_this_list() from None


def stop_session(*, actor: Actor, session_id: UUID) -> ApiKey:
    """Stop one session: its next call is refused, and its calls under way are stopped. Again, it changes nothing.

    Args:
        actor: the API key that made it, or a person who may revoke keys.

    Raises:
        NotFound: the key, or the organization of the person, has no such session.
        PermissionDenied: the actor is neither.
    """
    if actor.kind is ActorKind.API_KEY:
        _check(actor)
        own = Q(parent=actor.id)
    else:
        actor.check(Permission.API_KEYS_REVOKE)
        own = Q(parent__isnull=False)
    with transaction.atomic():
        session = ApiKey.objects.select_for_update().filter(own, organization=actor.organization, pk=session_id).first()
        if session is None:
            raise NotFound("No such session.")
        if session.revoked_at is None:
            session.revoked_at = timezone.now()
            session.save(update_fields=["revoked_at"])
            trail.record(trail.Event.API_KEY_SESSION_STOPPED, actor=actor, target=session, prefix=session.prefix)
            transaction.on_commit(lambda: CONCURRENT_CALLS.stop(session.pk))
    return session


def forget_ended() -> int:
    """Delete sessions that ended or were stopped some days ago, and return how many; runs keep their names."""
    before = timezone.now() - KEPT
    ended = ApiKey.objects.filter(Q(expires_at__lt=before) | Q(revoked_at__lt=before), parent__isnull=False)
    return ended.delete()[0]
