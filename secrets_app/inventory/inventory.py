"""The inventory of secrets: pages of rows, single rows, missing names and counts.

The number of queries for a page does not depend on its length, nor their cost on its position in the list.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, Q, QuerySet, UUIDField, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from accounts.common.environments import ALL_ENVIRONMENTS, Environment
from accounts.common.fields import concerns
from accounts.common.paging import DEFAULT_LIMIT, Page, decode_cursor, encode_cursor, not_of_this_list
from accounts.common.sql.compiled import Among, CompiledQuery, Given
from accounts.errors import NotFound
from accounts.models import Organization
from secrets_app.inventory.rows import NOTHING, InventoryRow, rows_of
from secrets_app.models import Secret, SecretValue, reference_model
from secrets_app.querysets import BY_LAST_USE, BY_USAGE, Order, SecretQuerySet, sort_key
from secrets_app.sealing import keyring

MISSING_FIRST, SECRETS_AFTER = "m", "s"
COUNTED_AT_ONCE, REFERENCES_AT_ONCE = 500, 2000
"""Up to these numbers of secrets and references, a page contains its counts; above, it loads them afterwards."""


@dataclass(frozen=True, slots=True)
class InventoryFilters:
    """The filters of the inventory.

    `environment` keeps secrets with a value there; with `status="missing"`, secrets that need a value there and have
    none. `integrations` limits the missing names to the references of these integrations, for API keys that may use
    only some; None means all. `concerning` leaves out what has values or is needed in other environments alone.
    """

    status: str = ""
    environment: Environment | None = None
    no_value_in: Environment | None = None
    text: str = ""
    name: str = ""
    unused_days: int | None = None
    order: Order = Order.NAME
    integrations: frozenset[UUID] | None = None
    concerning: frozenset[Environment] = ALL_ENVIRONMENTS


def page(
    organization: Organization, filters: InventoryFilters, *, cursor: str = "", limit: int = DEFAULT_LIMIT
) -> Page[InventoryRow]:
    """Return a page: referenced names that do not exist first, then secrets in the order of the filters.

    Raises:
        Invalid: the cursor does not belong to this list.
    """
    part, key, after = decode_cursor(cursor, length=3) if cursor else [MISSING_FIRST, "", ""]
    rows: list[InventoryRow] = []
    if part == MISSING_FIRST:
        rows = missing_rows(organization, filters, after=after, limit=limit + 1)
        key, after = "", ""
    if len(rows) <= limit:
        rows += _secret_rows(organization, filters, key=key, after=after, limit=limit + 1 - len(rows))
    return Page(rows[:limit], _cursor(rows[limit - 1], filters.order) if len(rows) > limit else None)


def _cursor(last: InventoryRow, order: Order) -> str:
    if not last.exists:
        return encode_cursor([MISSING_FIRST, "", last.name])
    return encode_cursor([SECRETS_AFTER, sort_key(last, order), last.name])


def one(organization: Organization, secret_id: UUID) -> InventoryRow:
    """Return the row of one secret.

    Raises:
        NotFound: the secret does not exist in this organization.
    """
    found = _with_status(keyring.held_ids()).ask_planned([(secret_id, organization.pk)])
    if not found:
        raise NotFound("No such secret.")
    return rows_of(found)[0]


def missing_rows(
    organization: Organization, filters: InventoryFilters, *, after: str = "", limit: int = DEFAULT_LIMIT
) -> list[InventoryRow]:
    """Return the rows of names that are referenced but do not exist, by name."""
    if filters.status not in {"", "missing"} or filters.unused_days is not None:
        return []
    if filters.environment and not filters.status:
        return []  # a name that does not exist has no value anywhere
    descending = filters.order is Order.NAME_DOWN
    waiting = _waiting(organization, filters)
    if after:
        waiting = waiting.filter(Q(name__lt=after) if descending else Q(name__gt=after))
    names = waiting.values("name").annotate(n=Count("pk"), used=Max("last_used_at"))
    return [
        InventoryRow(
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


def _waiting(organization: Organization, filters: InventoryFilters) -> QuerySet[Any]:
    waiting = waiting_references(organization).filter(name__icontains=filters.text)
    if filters.integrations is not None:
        waiting = waiting.filter(integration__in=filters.integrations)
    if filters.concerning != ALL_ENVIRONMENTS:
        waiting = waiting.filter(concerns("needed_in", filters.concerning))
    if filters.name:
        waiting = waiting.filter(name=filters.name)
    return waiting.filter(needed_in__has=filters.environment) if filters.environment else waiting


def waiting_references(organization: Organization) -> QuerySet[Any]:
    """Return the references whose name no secret has."""
    return reference_model()._default_manager.filter(organization=organization, secret=None)


def first_waiting(organization: Organization, names: Iterable[str], limit: int) -> QuerySet[Any]:
    """Return the first references to each of these names, which no secret has, with their integrations loaded."""
    place = Window(RowNumber(), partition_by="name", order_by=["integration", "slot"])
    waiting = waiting_references(organization).filter(name__in=list(names)).annotate(place=place)
    return waiting.filter(place__lte=limit).select_related("integration")


def references_to(organization: Organization, row: InventoryRow, limit: int | None = None) -> list[Any]:
    """Return the first `limit` references to a secret by integration name, with their integrations loaded."""
    rows = reference_model()._default_manager.filter(organization=organization, secret=row.id)
    return list(rows.select_related("integration").order_by("integration__name", "slot", "pk")[:limit])


@lru_cache(maxsize=4)
def _with_status(master_key_ids: frozenset[str]) -> CompiledQuery[Secret]:
    """Return the query for secrets by id and organization; Django takes longer to compile it than it runs."""
    return CompiledQuery(
        lambda: Secret.objects.filter(Among("pk", "organization")).with_status(master_key_ids).with_usage_count()
    )


@lru_cache(maxsize=4)
def _missing(master_key_ids: frozenset[str]) -> CompiledQuery[Secret]:
    """Return the query for the missing secrets of an organization, which every page asks."""
    return CompiledQuery(lambda: Secret.objects.missing(Given(UUIDField()), master_key_ids).order_by().only("pk"))


def is_counted_at_once(organization: Organization) -> bool:
    """Whether the organization is small enough to count its secrets by status on every page."""
    secrets = Secret.objects.of(organization).order_by()[: COUNTED_AT_ONCE + 1].count()
    references = reference_model()._default_manager.filter(organization=organization).order_by()
    return secrets <= COUNTED_AT_ONCE and references[: REFERENCES_AT_ONCE + 1].count() <= REFERENCES_AT_ONCE


def counts(organization: Organization) -> dict[str, int]:
    """Return the number of secrets and missing names by status; `all` is their sum."""
    secrets = Secret.objects.of(organization)
    every, disabled = secrets.count(), secrets.filter(enabled=False).count()
    lacking, names = _lacking(organization), _waiting_names(organization)
    active = every - disabled - lacking
    return {"all": every + names, "active": active, "disabled": disabled, "missing": lacking + names}


def missing_count(organization: Organization) -> int:
    """Return the number of secrets and names that are missing, as `counts` does."""
    return _lacking(organization) + _waiting_names(organization)


def _lacking(organization: Organization) -> int:
    return _missing(keyring.held_ids()).count((organization.pk,))


def _waiting_names(organization: Organization) -> int:
    return waiting_references(organization).order_by().values("name").distinct().count()


def catalog(organization: Organization, text: str, *, cursor: str, limit: int) -> Page[Any]:
    """Return a page of names and descriptions only, by name, as members see them."""
    secrets = Secret.objects.of(organization).search(text).alphabetical()
    if cursor:
        secrets = secrets.filter(name__gt=decode_cursor(cursor, length=1)[0])
    found = list(secrets.values("name", "description")[: limit + 1])
    return Page(found[:limit], encode_cursor([found[limit - 1]["name"]]) if len(found) > limit else None)


def _secret_rows(
    organization: Organization, filters: InventoryFilters, *, key: str, after: str, limit: int
) -> list[InventoryRow]:
    """Select the ids of the page first, so that status and usage are computed only for its rows."""
    secrets: SecretQuerySet = Secret.objects.of(organization).search(filters.text)
    if filters.order in BY_USAGE:
        secrets = secrets.annotate(usage_count=Count("references"))
    ids = _ids(_narrow(secrets, organization, filters), filters.order, key, after, limit)
    found = _with_status(keyring.held_ids()).ask_planned([(pk, organization.pk) for pk in ids])
    positions = {pk: position for position, pk in enumerate(ids)}
    return rows_of(sorted(found, key=lambda secret: positions[secret.pk]))


def _ids(secrets: SecretQuerySet, order: Order, key: str, after: str, limit: int) -> list[UUID]:
    """Return the next ids. By last use, used and unused secrets are separate queries, so that each uses the index."""
    parts = [secrets]
    if order in BY_LAST_USE:
        used, never = secrets.filter(last_used_at__isnull=False), secrets.filter(last_used_at=None)
        parts = [never, used] if order is Order.USED else [used, never]
        if after and bool(key) is (order is Order.USED):
            del parts[0]
    if after:
        parts[0] = _following(parts[0], order, key, after)
    ids: list[UUID] = []
    for part in parts:
        ids += part.in_order(order).values_list("pk", flat=True)[: limit - len(ids)]
    return ids


def _following(secrets: SecretQuerySet, order: Order, key: str, after: str) -> SecretQuerySet:
    try:
        return secrets.following(order, key, after)
    except ValueError:
        raise not_of_this_list() from None


def _narrow(secrets: SecretQuerySet, organization: Organization, filters: InventoryFilters) -> SecretQuerySet:
    held = keyring.held_ids()
    if filters.status:
        secrets = secrets.with_status_of(filters.status, organization, held)
    if filters.concerning != ALL_ENVIRONMENTS:
        secrets = secrets.concerning(filters.concerning)
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
