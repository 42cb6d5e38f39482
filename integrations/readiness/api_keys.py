"""The list of API keys with what they are limited to, and the integrations that a new API key may be limited to.

The text of a key is never read. A page costs four queries whatever its length.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.access.agent_sessions import in_force_of, number_in_force, position, sessions_of_key
from accounts.actors import Actor
from accounts.common.environments import Environment, in_order
from accounts.common.paging import Page, encode_cursor
from accounts.models import ApiKey
from accounts.policy import SCOPE_LABELS, Permission, Scope
from integrations.broker.ledger import LONGEST_RUN
from integrations.kinds import KINDS
from integrations.models import Integration, Run, RunOutcome
from secrets_app.models import Secret

ROWS = 30
NAMED_AT_MOST = 3
"""How many integrations of a key are named in the list."""
CHOICES = 50
"""How many integrations are offered at once; others are found by search."""
ENDS_SOON = timedelta(days=14)
"""From how long before its expiry a key is shown as expiring soon."""
ACTIVE, EXPIRED, REVOKED, SUSPENDED, STOPPED = "active", "expired", "revoked", "suspended", "stopped"


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    """An API key in the list."""

    id: UUID
    name: str
    prefix: str
    scopes: list[str]
    environments: list[Environment]
    integrations: "Named | None"
    secrets: "Named | None"
    max_concurrent: int
    max_per_minute: int | None
    may_run: bool
    sessions: int
    created_at: datetime
    last_used_at: datetime | None
    last_address: str | None
    last_client: str
    state: str
    budget: str
    stopped_at: datetime | None
    stopped_by: str
    stopped_why: str
    expires_at: datetime | None
    revoked_at: datetime | None
    days_left: int | None


@dataclass(frozen=True, slots=True)
class Named:
    """What an API key is limited to: some names, how many more there are, and how many were deleted."""

    names: list[str]
    more: int
    deleted: int


@dataclass(frozen=True, slots=True)
class Choice:
    """An integration that may be chosen."""

    id: UUID
    name: str
    kind: str
    icon: str
    environments: list[Environment]


@dataclass(frozen=True, slots=True)
class ApiKeyChoices:
    """The integrations that are chosen, others that match the search, and whether more would match."""

    chosen: list[Choice]
    others: list[Choice]
    has_more: bool


def page(actor: Actor, text: str, *, cursor: str = "", limit: int = ROWS) -> Page[ApiKeyRow]:
    """Return a page of the organization's API keys, newest first, without the sessions that they made.

    Args:
        text: part of a name or prefix; empty for all keys.

    Raises:
        PermissionDenied: the actor may not read API keys.
        Invalid: the cursor does not belong to this list.
    """
    actor.check(Permission.API_KEYS_READ)
    keys = ApiKey.objects.filter(organization=actor.organization, parent=None).defer("digest")
    if text:
        keys = keys.filter(Q(name__icontains=text) | Q(prefix__contains=text))
    if cursor:
        created_at, key_id = position(cursor)
        keys = keys.filter(Q(created_at__lt=created_at) | Q(created_at=created_at, id__lt=key_id))
    found = list(keys.order_by("-created_at", "-id")[: limit + 1])
    shown, last = found[:limit], found[limit - 1] if len(found) > limit else None
    return Page(rows_of(actor, shown), encode_cursor([last.created_at.isoformat(), str(last.id)]) if last else None)


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session in the list of a key's sessions."""

    id: UUID
    name: str
    prefix: str
    environments: list[Environment]
    created_at: datetime
    last_used_at: datetime | None
    last_address: str | None
    last_client: str
    expires_at: datetime | None
    revoked_at: datetime | None
    state: str


def sessions_page(actor: Actor, key: ApiKey, *, cursor: str = "", limit: int = ROWS) -> Page[SessionRow]:
    """Return a page of the sessions of a key of the actor's organization, newest first.

    Raises:
        PermissionDenied: the actor may not read API keys.
        Invalid: the cursor does not belong to this list.
    """
    found, now = sessions_of_key(actor=actor, key_id=key.pk, cursor=cursor, limit=limit), timezone.now()
    key_has_ended = _state(key, now) in {EXPIRED, REVOKED}
    return Page([_session_row(session, now, ended=key_has_ended) for session in found.items], found.next_cursor)


def _session_row(session: ApiKey, now: datetime, *, ended: bool) -> SessionRow:
    state = _state(session, now)
    return SessionRow(
        id=session.pk,
        name=session.name,
        prefix=session.prefix,
        environments=in_order(session.environments),
        created_at=session.created_at,
        last_used_at=session.last_used_at,
        last_address=session.last_address,
        last_client=session.last_client or session.last_user_agent,
        expires_at=session.expires_at,
        revoked_at=session.revoked_at,
        state=EXPIRED if ended and state == ACTIVE else state,
    )


def calls_under_way(actor: Actor, key_id: UUID) -> int:
    """Return how many calls of a key and of its sessions are under way, in all processes.

    Raises:
        PermissionDenied: the actor may not read API keys.
    """
    actor.check(Permission.API_KEYS_READ)
    callers = [key_id, *in_force_of([key_id], timezone.now()).values_list("pk", flat=True)]
    runs = Run.objects.filter(organization=actor.organization, outcome=RunOutcome.STARTED.value)
    return runs.filter(caller_id__in=callers, started_at__gte=timezone.now() - LONGEST_RUN).count()


def rows_of(actor: Actor, keys: Iterable[ApiKey]) -> list[ApiKeyRow]:
    """Return rows for API keys of the actor's organization."""
    keys, now = list(keys), timezone.now()
    integrations = Integration.objects.visible_to(actor)
    names = _names(integrations, {UUID(item) for key in keys for item in key.integrations or ()})
    secrets = Secret.objects.of(actor.organization)
    names |= _names(secrets, {UUID(item) for key in keys for item in key.secrets or ()})
    sessions = number_in_force(key.id for key in keys)
    return [_row(key, names, sessions.get(key.id, 0), now) for key in keys]


def _names(rows: QuerySet[Any], ids: set[UUID]) -> dict[UUID, str]:
    return dict(rows.filter(pk__in=ids).values_list("pk", "name")) if ids else {}


def choices(actor: Actor, text: str, chosen: Iterable[UUID], *, for_agents: bool = False) -> ApiKeyChoices:
    """Return the integrations that a new key may be limited to, by name. Chosen ones are always included.

    Args:
        for_agents: leave out connections and connectors, which agents get no tool of.

    Raises:
        PermissionDenied: the actor may not create API keys.
    """
    actor.check(Permission.API_KEYS_CREATE)
    mine = Integration.objects.visible_to(actor).only("name", "kind", "environments").order_by("name", "pk")
    kept = [_choice(integration) for integration in mine.filter(pk__in=list(chosen))]
    mine = mine.exclude(tool_name="") if for_agents else mine
    others = mine.search_described(text).exclude(pk__in=[choice.id for choice in kept])
    found = [_choice(integration) for integration in others[: CHOICES + 1]]
    return ApiKeyChoices(kept, found[:CHOICES], has_more=len(found) > CHOICES)


def _choice(integration: Integration) -> Choice:
    kind = KINDS[integration.kind]
    return Choice(integration.pk, integration.name, kind.label, kind.icon, in_order(integration.environments))


def _row(key: ApiKey, names: dict[UUID, str], sessions: int, now: datetime) -> ApiKeyRow:
    state = _state(key, now)
    return ApiKeyRow(
        id=key.id,
        name=key.name,
        prefix=key.prefix,
        scopes=[label for scope, label in SCOPE_LABELS.items() if scope.value in key.scopes],
        environments=in_order(key.environments),
        integrations=None if key.integrations is None else _named(key.integrations, names),
        secrets=None if key.secrets is None else _named(key.secrets, names),
        max_concurrent=key.max_concurrent,
        max_per_minute=key.max_per_minute,
        may_run=Scope.RUN.value in key.scopes,
        sessions=sessions,
        created_at=key.created_at,
        last_used_at=key.last_used_at,
        last_address=key.last_address,
        last_client=key.last_client or key.last_user_agent,
        state=state,
        budget=_budget(key),
        stopped_at=key.suspended_at,
        stopped_by=key.stopped_by,
        stopped_why=key.stopped_why,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        days_left=_days_left(key.expires_at, now) if state == ACTIVE else None,
    )


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at:
        return REVOKED
    if key.expires_at and key.expires_at <= now:
        return EXPIRED
    return STOPPED if key.stopped_by else SUSPENDED if key.suspended_at else ACTIVE


def _budget(key: ApiKey) -> str:
    """Return what a key may spend, in words; empty if there is no bound."""
    calls = None if key.daily_calls is None else f"{key.daily_calls:,} calls a day"
    cost = None if key.daily_cost is None else f"cost of {key.daily_cost.normalize():f} a day"
    return ", ".join(filter(None, (calls, cost)))


def _days_left(expires_at: datetime | None, now: datetime) -> int | None:
    """Return the days until an API key expires; None unless that is soon."""
    left = expires_at - now if expires_at else None
    return left.days if left is not None and left < ENDS_SOON else None


def _named(ids: Iterable[str], names: dict[UUID, str]) -> Named:
    ids = list(ids)
    existing = sorted(names[UUID(item)] for item in ids if UUID(item) in names)
    return Named(existing[:NAMED_AT_MOST], max(0, len(existing) - NAMED_AT_MOST), len(ids) - len(existing))
