"""What people and programs see of secrets: one read model for pages and the API. Never a value.

A page of rows costs the same number of queries whatever its length, and the same time wherever it is in the list.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from accounts.environments import Environment
from accounts.models import Organization
from accounts.paging import DEFAULT_LIMIT, Page, decode_cursor, encode_cursor, not_of_this_list
from secrets_app import keyring
from secrets_app.models import Secret, SecretValue, ValueState
from secrets_app.querysets import BY_LAST_USE, BY_USAGE, Order, SecretQuerySet, reference_model, sort_key

MISSING_FIRST, SECRETS_AFTER = "m", "s"
COUNTED_AT_ONCE, REFERENCES_AT_ONCE = 500, 2000
"""Secrets and references up to which the numbers of a page come with it; those of larger organizations come after."""


@dataclass(frozen=True, slots=True)
class EnvironmentState:
    """What a secret has in one environment: `set`, `missing` or `unreadable`."""

    state: str
    version: int | None = None
    updated_at: datetime | None = None
    updated_by: str | None = None
    entered_once: UUID | None = None
    staged_at: datetime | None = None
    rollback_until: datetime | None = None


NOTHING = EnvironmentState("missing")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the inventory. `id` is None for a name that is referenced but does not exist."""

    id: UUID | None
    name: str
    description: str
    enabled: bool
    status: str
    environments: dict[Environment, EnvironmentState]
    allowed_domains: list[str]
    usage_count: int
    last_used_at: datetime | None
    lacking: list[Environment] = field(default_factory=list)
    rotate_every_days: int | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    version: int | None = None
    references: list[Any] = field(default_factory=list)

    @property
    def exists(self) -> bool:
        """Whether a secret has this name."""
        return self.id is not None

    @property
    def reference(self) -> str:
        """`{secrets.NAME}`."""
        return f"{{secrets.{self.name}}}"

    @property
    def states(self) -> dict[str, str]:
        """The state by environment value, for marks."""
        return {environment.value: entry.state for environment, entry in self.environments.items()}

    @property
    def rotation_due_at(self) -> datetime | None:
        """When the oldest value is due for another one, where an interval is set."""
        entered = [entry.updated_at for entry in self.environments.values() if entry.updated_at]
        return min(entered) + timedelta(days=self.rotate_every_days) if self.rotate_every_days and entered else None

    @property
    def rotation_overdue(self) -> bool:
        """Whether that moment is behind us."""
        return self.rotation_due_at is not None and self.rotation_due_at <= timezone.now()

    @property
    def shared(self) -> bool:
        """One value was entered for all environments, and none has been replaced since."""
        entries = {entry.entered_once for entry in self.environments.values()}
        return len(entries) == 1 and None not in entries


@dataclass(frozen=True, slots=True)
class Filters:
    """What to list. `environment` alone: has a value there; with `status="missing"`: lacks one there that is needed.

    `integrations` are the only ones whose waiting names are told (an API key may be limited to some); None for all.
    """

    status: str = ""
    environment: Environment | None = None
    no_value_in: Environment | None = None
    text: str = ""
    name: str = ""
    unused_days: int | None = None
    order: Order = Order.NAME
    integrations: frozenset[UUID] | None = None


def page(organization: Organization, filters: Filters, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[Row]:
    """One page: names that are referenced but missing come first, then secrets in the order of the filters.

    Raises:
        Invalid: the cursor is not one of this list.
    """
    part, key, after = decode_cursor(cursor, length=3) if cursor else [MISSING_FIRST, "", ""]
    rows: list[Row] = []
    if part == MISSING_FIRST:
        rows = missing_rows(organization, filters, after=after, limit=limit + 1)
        key, after = "", ""
    if len(rows) <= limit:
        rows += _secret_rows(organization, filters, key=key, after=after, limit=limit + 1 - len(rows))
    return Page(rows[:limit], _cursor(rows[limit - 1], filters.order) if len(rows) > limit else None)


def _cursor(last: Row, order: Order) -> str:
    if not last.exists:
        return encode_cursor([MISSING_FIRST, "", last.name])
    return encode_cursor([SECRETS_AFTER, sort_key(last, order), last.name])


def one(organization: Organization, secret_id: UUID) -> Row:
    """One secret as a row.

    Raises:
        NotFound: none in this organization.
    """
    secrets = Secret.objects.all().with_status(keyring.held_ids()).with_usage_count()
    return _rows([secrets.fetch(organization, secret_id)])[0]


def missing_rows(
    organization: Organization, filters: Filters, *, after: str = "", limit: int = DEFAULT_LIMIT
) -> list[Row]:
    """Names that are referenced but do not exist, by name."""
    if filters.status not in {"", "missing"} or filters.unused_days is not None:
        return []
    if filters.environment and not filters.status:
        return []  # a name that does not exist has no value anywhere
    waiting = waiting_references(organization).filter(name__icontains=filters.text)
    descending = filters.order is Order.NAME_DOWN
    if after:
        waiting = waiting.filter(Q(name__lt=after) if descending else Q(name__gt=after))
    if filters.integrations is not None:
        waiting = waiting.filter(integration__in=filters.integrations)
    if filters.name:
        waiting = waiting.filter(name=filters.name)
    if filters.environment:
        waiting = waiting.filter(needed_in__has=filters.environment)
    names = waiting.values("name").annotate(n=Count("pk"), used=Max("last_used_at"))
    return [
        Row(
            id=None,
            name=entry["name"],
            description="",
            enabled=True,
            status="missing",
            environments=dict.fromkeys(Environment, NOTHING),
            allowed_domains=[],
            usage_count=entry["n"],
            last_used_at=entry["used"],
        )
        for entry in names.order_by("-name" if descending else "name")[:limit]
    ]


def waiting_references(organization: Organization) -> QuerySet[Any]:
    """References whose name no secret has."""
    return reference_model()._default_manager.filter(organization=organization, secret=None)


def references_to(organization: Organization, row: Row, limit: int | None = None) -> list[Any]:
    """The references to a secret, their integrations loaded, by integration name; the first `limit` of them."""
    rows = reference_model()._default_manager.filter(organization=organization, secret=row.id)
    return list(rows.select_related("integration").order_by("integration__name", "slot", "pk")[:limit])


def is_counted_at_once(organization: Organization) -> bool:
    """Whether counting by status costs so little that every page may do it."""
    secrets = Secret.objects.of(organization).order_by()[: COUNTED_AT_ONCE + 1].count()
    references = reference_model()._default_manager.filter(organization=organization).order_by()
    return secrets <= COUNTED_AT_ONCE and references[: REFERENCES_AT_ONCE + 1].count() <= REFERENCES_AT_ONCE


def counts(organization: Organization) -> dict[str, int]:
    """How many secrets and missing names there are by status; `all` is their sum."""
    secrets = Secret.objects.of(organization)
    every, disabled = secrets.count(), secrets.filter(enabled=False).count()
    lacking = Secret.objects.missing(organization, keyring.held_ids()).count()
    names = waiting_references(organization).order_by().values("name").distinct().count()
    active = every - disabled - lacking
    return {"all": every + names, "active": active, "disabled": disabled, "missing": lacking + names}


def catalog(organization: Organization, text: str, *, cursor: str, limit: int) -> Page[Any]:
    """Names and descriptions alone, by name: what members see."""
    secrets = Secret.objects.of(organization).search(text).alphabetical()
    if cursor:
        secrets = secrets.filter(name__gt=decode_cursor(cursor, length=1)[0])
    found = list(secrets.values("name", "description")[: limit + 1])
    return Page(found[:limit], encode_cursor([found[limit - 1]["name"]]) if len(found) > limit else None)


def _secret_rows(organization: Organization, filters: Filters, *, key: str, after: str, limit: int) -> list[Row]:
    """First the ids, in order; then everything about them: what is told of 50 rows costs nothing for the others."""
    secrets = Secret.objects.of(organization).search(filters.text)
    if filters.order in BY_USAGE:
        secrets = secrets.annotate(usage_count=Count("references"))
    ids = _ids(_narrow(secrets, organization, filters), filters.order, key, after, limit)
    found = Secret.objects.filter(pk__in=ids).with_status(keyring.held_ids()).with_usage_count()
    places = {pk: place for place, pk in enumerate(ids)}
    return _rows(sorted(found, key=lambda secret: places[secret.pk]))


def _ids(secrets: SecretQuerySet, order: Order, key: str, after: str, limit: int) -> list[UUID]:
    """The next ids. By last use the list has two parts, so that both are read along the index in either database."""
    parts = [secrets]
    if order in BY_LAST_USE:
        used, never = secrets.filter(last_used_at__isnull=False), secrets.filter(last_used_at=None)
        parts = [never, used] if order is Order.USED else [used, never]
        if after and bool(key) is (order is Order.USED):
            del parts[0]
    if after:
        parts[0] = _behind(parts[0], order, key, after)
    ids: list[UUID] = []
    for part in parts:
        ids += part.in_order(order).values_list("pk", flat=True)[: limit - len(ids)]
    return ids


def _behind(secrets: SecretQuerySet, order: Order, key: str, after: str) -> SecretQuerySet:
    try:
        return secrets.behind(order, key, after)
    except ValueError:
        raise not_of_this_list() from None


def _narrow(secrets: SecretQuerySet, organization: Organization, filters: Filters) -> SecretQuerySet:
    held = keyring.held_ids()
    if filters.status:
        secrets = secrets.with_status_of(filters.status, organization, held)
    if filters.name:
        secrets = secrets.filter(name=filters.name)
    if filters.environment and filters.status == "missing":
        secrets = secrets.lacking(filters.environment, held)
    elif filters.environment:
        readable = SecretValue.objects.current().readable(held).filter(environment=filters.environment.value)
        secrets = secrets.filter(pk__in=readable.values("secret"))
    if filters.no_value_in:
        valued = SecretValue.objects.current().filter(environment=filters.no_value_in.value)
        secrets = secrets.exclude(pk__in=valued.values("secret"))
    if filters.unused_days is not None:
        since = timezone.now() - timedelta(days=filters.unused_days)
        secrets = secrets.filter(Q(last_used_at=None) | Q(last_used_at__lt=since))
    return secrets


def _rows(secrets: list[Any]) -> list[Row]:
    states = _states(secrets)
    return [
        Row(
            id=secret.id,
            name=secret.name,
            description=secret.description,
            enabled=secret.enabled,
            status=secret.status,
            environments={environment: states[secret.id].get(environment, NOTHING) for environment in Environment},
            allowed_domains=secret.allowed_domains,
            usage_count=secret.usage_count,
            last_used_at=secret.last_used_at,
            lacking=[environment for environment in Environment if getattr(secret, f"lacks_{environment.value}")],
            rotate_every_days=secret.rotate_every_days,
            created_at=secret.created_at,
            updated_at=secret.updated_at,
            version=secret.version,
        )
        for secret in secrets
    ]


def _states(secrets: Iterable[Secret]) -> dict[UUID, dict[Environment, EnvironmentState]]:
    kept: dict[tuple[UUID, Environment], dict[str, SecretValue]] = defaultdict(dict)
    values = (
        SecretValue.objects.exclude(state=ValueState.DESTROYED.value)
        .filter(secret__in=[secret.pk for secret in secrets])
        .select_related("data_key")
        .defer("sealed")
    )
    for value in values:
        kept[value.secret_id, Environment(value.environment)][value.state] = value
    found: dict[UUID, dict[Environment, EnvironmentState]] = defaultdict(dict)
    for (secret_id, environment), by_state in kept.items():
        found[secret_id][environment] = _state(by_state)
    return found


def _state(by_state: dict[str, SecretValue]) -> EnvironmentState:
    """What is known of one environment, by the state of the values that it has."""
    current, staged = by_state.get(ValueState.CURRENT.value), by_state.get(ValueState.STAGED.value)
    previous = by_state.get(ValueState.PREVIOUS.value)
    until = previous.rollback_until if previous else None
    state = replace(
        NOTHING,
        staged_at=staged.created_at if staged else None,
        rollback_until=until if until and until > timezone.now() else None,
    )
    if current is None:
        return state
    return replace(
        state,
        state="set" if keyring.is_openable(current) else "unreadable",
        version=current.version,
        updated_at=current.created_at,
        updated_by=current.created_by,
        entered_once=current.entered_once,
    )
