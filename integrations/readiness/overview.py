"""The list of integrations: summary, state, secrets and last run.

Nothing is decrypted or called. A page costs the same number of queries whatever its length. What would stop a run is
judged by the functions that a run uses (`warnings.judge`), in Python and not in SQL, and named by
`integrations.health`.
A page by state looks at some integrations and continues after them; counts by state stop at a bound.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, TypeVar
from uuid import UUID

from accounts.actors import Actor
from accounts.common.environments import Environment, in_order
from accounts.common.paging import DEFAULT_LIMIT, Page, decode_cursor, encode_cursor
from accounts.errors import Invalid
from integrations.health.states import FAILING, STATES, Health, Obstacle, health_of
from integrations.inheritance import with_parents
from integrations.kinds import KINDS
from integrations.models import Integration, RunOutcome, SecretReference
from integrations.querysets import IntegrationQuerySet
from integrations.readiness.warnings import Finder, Warning, judge  # noqa: A004 - the API's word
from secrets_app.models import SecretValue
from secrets_app.sealing.resolver import FoundSecret

COUNTED_AT_MOST = 500
"""How many integrations are counted by state."""
COUNTED_AT_ONCE = 100
"""Up to this number, the page of the list contains its counts; above, it loads them afterwards."""
SEARCHED_AT_MOST = 100
"""How many integrations a page looks at to find those of a state."""


@dataclass(frozen=True, slots=True)
class SecretUsed:
    """A secret that an integration names; `id` is None if no secret has the name."""

    id: UUID | None
    name: str


@dataclass(frozen=True, slots=True)
class IntegrationRow:
    """An integration in the list."""

    id: UUID
    kind: str
    name: str
    description: str
    tool_name: str
    enabled: bool
    summary: str
    state: str
    state_note: str
    disabled_at: datetime | None
    disabled_by: str
    disabled_why: str
    failing_in: list[Environment]
    environments: list[Environment]
    secrets: list[SecretUsed]
    last_run_at: datetime | None
    last_run_failed: bool


@dataclass(frozen=True, slots=True)
class FailingIntegration:
    """An integration that fails, loaded with its links, and how."""

    integration: Integration
    health: Health


Listed = TypeVar("Listed", IntegrationRow, Integration)
Judged = TypeVar("Judged")
Values = Mapping[tuple[UUID | None, str], SecretValue]


@dataclass(frozen=True, slots=True)
class IntegrationFilters:
    """The integrations to list; an empty field does not filter."""

    text: str = ""
    state: str = ""
    kind: str = ""
    uses: UUID | None = None


def page(
    actor: Actor, filters: IntegrationFilters, *, cursor: str = "", limit: int = DEFAULT_LIMIT
) -> Page[IntegrationRow]:
    """Return a page of integrations, by kind and name.

    Raises:
        Invalid: the cursor does not belong to this list.
    """
    found = _loaded(actor).search(filters.text).matching(kind=filters.kind)
    found = _after(found.building_on([filters.uses]) if filters.uses else found, cursor)
    if not filters.state:
        return _cut(_rows(found[: limit + 1]), limit)
    return search(found, _row, lambda row: row.state == filters.state, limit)


def search(
    found: IntegrationQuerySet, judged: Callable[[Any, Finder], Judged], wanted: Callable[[Judged], bool], limit: int
) -> Page[Judged]:
    """Return what is wanted among the next `SEARCHED_AT_MOST` integrations, which have to be judged one by one.

    The page may be short, or empty, and still have a next one.

    Args:
        found: in order by kind and name, loaded by `with_secrets`.
    """
    loaded, kept = list(found[: SEARCHED_AT_MOST + 1]), []
    looked_at = loaded[:SEARCHED_AT_MOST]
    last = looked_at[-1] if len(loaded) > SEARCHED_AT_MOST else None
    for integration, find in zip(looked_at, finders(looked_at), strict=True):
        row = judged(integration, find)
        if wanted(row):
            kept.append(row)
        if len(kept) == limit and integration is not loaded[-1]:
            last = integration
            break
    return Page(kept, encode_cursor([last.kind, last.name]) if last else None)


def catalog(
    actor: Actor, filters: IntegrationFilters, *, cursor: str = "", limit: int = DEFAULT_LIMIT
) -> Page[Integration]:
    """Return a page of what members may see of integrations: name, kind and description.

    See docs/concepts.md, "Roles".

    Raises:
        Invalid: the cursor does not belong to this list.
    """
    found = Integration.objects.visible_to(actor).search_described(filters.text).matching(kind=filters.kind)
    return _cut(list(_after(found.only("kind", "name", "description"), cursor)[: limit + 1]), limit)


def counts(actor: Actor) -> dict[str, int]:
    """Return the number of integrations by state, and their sum as `all`. Only the first `COUNTED_AT_MOST` count."""
    found = Counter(row.state for row in _rows(_after(_loaded(actor), "")[:COUNTED_AT_MOST]))
    return {"all": found.total(), **{state: found[state] for state in STATES}}


def count(actor: Actor) -> int:
    """Return the number of integrations that the actor may see, at most `COUNTED_AT_MOST + 1`."""
    return Integration.objects.visible_to(actor).order_by()[: COUNTED_AT_MOST + 1].count()


def failing(actor: Actor, limit: int) -> list[FailingIntegration]:
    """Return integrations that fail: those whose runs do, and those among the first that a run would be refused of."""
    rows = with_secrets(Integration.objects.visible_to(actor)).order_by("kind", "name")
    by_runs = rows.filter(states__failing=True).distinct()
    pages = [search(found, _judged, _fails, limit).items for found in (by_runs, rows)]
    return list({one.integration.pk: one for items in pages for one in items}.values())[:limit]


def _judged(integration: Integration, find: Finder) -> FailingIntegration:
    warnings = judge(integration, in_order(integration.environments), find)
    return FailingIntegration(integration, health(integration, warnings))


def _fails(judged: FailingIntegration) -> bool:
    return judged.health.state == FAILING


def one(actor: Actor, integration_id: UUID) -> IntegrationRow:
    """Return one integration as a row.

    Raises:
        NotFound: there is no such integration, or the actor may not see it.
    """
    return _rows([_loaded(actor).fetch(actor, integration_id)])[0]


def _loaded(actor: Actor) -> IntegrationQuerySet:
    """Return the integrations that the actor may see, with connector, secrets and last run."""
    return with_secrets(Integration.objects.visible_to(actor).with_last_run())


def _after(found: IntegrationQuerySet, cursor: str) -> IntegrationQuerySet:
    """Return the integrations in order, starting after the cursor."""
    rest = found.after(*decode_cursor(cursor, length=2)) if cursor else found
    return rest.order_by("kind", "name")


def _cut(rows: list[Listed], limit: int) -> Page[Listed]:
    """Return the first `limit` rows, and the cursor of the last row if there are more."""
    more = len(rows) > limit
    return Page(rows[:limit], encode_cursor([rows[limit - 1].kind, rows[limit - 1].name]) if more else None)


def with_secrets(integrations: IntegrationQuerySet) -> IntegrationQuerySet:
    """Load integrations with states, connection and connectors, and the secrets of all, as `finders` needs them."""
    loaded = integrations.select_related("auth_connector", "connection__auth_connector", "organization")
    parents = ["", "auth_connector__", "connection__", "connection__auth_connector__"]
    return loaded.prefetch_related("states", *(f"{parent}references__secret" for parent in parents))


def finders(integrations: Iterable[Integration]) -> list[Finder]:
    """Return a function for each integration that looks up its secrets, with one query for all.

    Args:
        integrations: loaded by `with_secrets`.
    """
    found = list(integrations)
    values = _values_of({ref.secret_id for integration in found for ref in references_of(integration) if ref.secret_id})
    return [_finder(references_of(integration), values) for integration in found]


def _finder(references: list[SecretReference], values: Values) -> Finder:
    def find(environment: Environment) -> dict[str, FoundSecret]:
        return {ref.name: FoundSecret(ref.secret, values.get((ref.secret_id, environment.value))) for ref in references}

    return find


def _rows(integrations: Iterable[Any]) -> list[IntegrationRow]:
    found = list(integrations)
    return [_row(integration, find) for integration, find in zip(found, finders(found), strict=True)]


def _row(integration: Any, find: Finder) -> IntegrationRow:
    references = references_of(integration)
    environments = in_order(integration.environments)
    fares = health(integration, judge(integration, environments, find))
    return IntegrationRow(
        id=integration.id,
        kind=integration.kind,
        name=integration.name,
        description=integration.description,
        tool_name=integration.tool_name,
        enabled=integration.enabled,
        summary=_summary(integration),
        state=fares.state,
        state_note=fares.note,
        disabled_at=integration.disabled_at,
        disabled_by=integration.disabled_by,
        disabled_why=integration.disabled_why,
        failing_in=fares.failing_in,
        environments=environments,
        secrets=_secrets_used(references),
        last_run_at=integration.last_run_at,
        last_run_failed=integration.last_run_outcome not in {None, RunOutcome.SUCCEEDED.value},
    )


def _summary(integration: Integration) -> str:
    """Return what the integration calls; nothing for an unusable configuration, which must not hide the other rows."""
    kind = KINDS[integration.kind]
    try:
        return kind.summary(kind.read(integration.config))
    except Invalid:
        return ""


def _secrets_used(references: Iterable[SecretReference]) -> list[SecretUsed]:
    found = {(reference.secret_id, reference.name) for reference in references}
    return [SecretUsed(*used) for used in sorted(found, key=itemgetter(1))]


def health(integration: Integration, warnings: Iterable[Warning]) -> Health:
    """Return how an integration fares.

    Args:
        integration: loaded by `with_secrets`.
        warnings: what `judge` says of it in its environments.
    """
    obstacles = [Obstacle(warning.code, warning.environments) for warning in warnings if warning.certain]
    return health_of(integration, obstacles, integration.states.all())


def references_of(integration: Integration) -> list[SecretReference]:
    """Return the references of an integration and its parents.

    Args:
        integration: loaded by `with_secrets`.
    """
    return [reference for link in with_parents(integration) for reference in link.references.all()]


def _values_of(secret_ids: Iterable[UUID]) -> Values:
    """Return the current values by secret and environment, without their encrypted bytes."""
    current = SecretValue.objects.current().filter(secret__in=secret_ids)
    current = current.select_related("data_key").defer("sealed", "data_key__wrapped")
    return {(value.secret_id, value.environment): value for value in current}
