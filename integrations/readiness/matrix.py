"""Readiness of many integrations at once (docs/api.md, `GET /readiness`).

The rules are those of warnings and of the list of integrations; nothing is decrypted or called. A page costs the same
number of queries whatever its length.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from accounts.actors import Actor
from accounts.common.environments import Environment, in_order
from accounts.common.paging import DEFAULT_LIMIT, Page, decode_cursor, encode_cursor
from integrations.errors import EnvironmentNotEnabled
from integrations.health.states import Health, health_by_runs
from integrations.models import Integration
from integrations.readiness import overview
from integrations.readiness.warnings import Finder, Warning, judge, problem_with_links  # noqa: A004 - the API's word

NOWHERE = Warning(EnvironmentNotEnabled.code, "It runs in no environment. Choose one first.")
"""The problem of an integration without environments."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """An integration in an environment, and the problems that would refuse a run.

    Attributes:
        environment: None for an integration without environments.
    """

    integration: Integration
    environment: Environment | None
    problems: list[Warning]


@dataclass(frozen=True, slots=True)
class ReadinessFilters:
    """The rows to show; an empty field does not filter.

    Attributes:
        blocked: only integrations with a problem in one of their environments.
    """

    text: str = ""
    kind: str = ""
    environment: Environment | None = None
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """An integration in an environment.

    Attributes:
        problems: what would refuse a run; None if the integration does not run there.
        fares: what the last run there said.
    """

    environment: Environment
    problems: list[Warning] | None
    fares: Health


@dataclass(frozen=True, slots=True)
class ReadinessRow:
    """An integration in all environments.

    Attributes:
        secret_ids: the ids of the secrets that it names; None for names without a secret.
    """

    integration: Integration
    cells: list[Cell]
    secret_ids: dict[str, UUID | None]

    @property
    def is_blocked(self) -> bool:
        """Whether a run would be refused in an environment of the integration, or it has none."""
        return not self.integration.environments or any(cell.problems for cell in self.cells)


def page(
    actor: Actor, environment: Environment | None = None, *, cursor: str = "", limit: int = DEFAULT_LIMIT
) -> Page[Readiness]:
    """Return the next `limit` integrations by name, in one environment or in each of their environments.

    Raises:
        Invalid: the cursor does not belong to this list.
    """
    rows = overview.with_secrets(Integration.objects.listed_for(actor))
    if cursor:
        rows = rows.filter(name__gt=decode_cursor(cursor, length=1)[0])
    found = list(rows.order_by("name")[: limit + 1])
    shown = found[:limit]
    items = [
        item
        for integration, find in zip(shown, overview.finders(shown), strict=True)
        for item in _readiness(integration, environment, find)
        if item.environment is None or item.environment in actor.environments
    ]
    return Page(items, encode_cursor([shown[-1].name]) if len(found) > limit else None)


def matrix(
    actor: Actor, filters: ReadinessFilters, *, cursor: str = "", limit: int = DEFAULT_LIMIT
) -> Page[ReadinessRow]:
    """Return the next `limit` integrations by kind and name, each in all environments of the filter.

    Raises:
        Invalid: the cursor does not belong to this list.
    """
    rows = Integration.objects.visible_to(actor).search(filters.text).matching(kind=filters.kind)
    if cursor:
        rows = rows.after(*decode_cursor(cursor, length=2))
    rows = overview.with_secrets(rows).order_by("kind", "name")

    def judged(integration: Integration, find: Finder) -> ReadinessRow:
        return _row(integration, find, filters)

    if filters.blocked:
        return overview.search(rows, judged, lambda row: row.is_blocked, limit)
    found = list(rows[: limit + 1])
    shown = [judged(*pair) for pair in zip(found, overview.finders(found), strict=True)]
    last = shown[limit - 1].integration if len(shown) > limit else None
    return Page(shown[:limit], encode_cursor([last.kind, last.name]) if last else None)


def _row(integration: Integration, find: Finder, filters: ReadinessFilters) -> ReadinessRow:
    chosen = [filters.environment] if filters.environment else list(Environment)
    cells = [
        Cell(
            environment,
            _problems(integration, environment, find) if environment in integration.environments else None,
            health_by_runs(integration.states.all(), environment),
        )
        for environment in chosen
    ]
    return ReadinessRow(integration, cells, {ref.name: ref.secret_id for ref in overview.references_of(integration)})


def warnings_of(integrations: Iterable[Integration]) -> list[list[Warning]]:
    """Return the warnings of each integration, as `warnings_for` does for one.

    Args:
        integrations: loaded by `overview.with_secrets`.
    """
    found = list(integrations)
    return [
        judge(integration, in_order(integration.environments), find)
        for integration, find in zip(found, overview.finders(found), strict=True)
    ]


def _readiness(integration: Integration, environment: Environment | None, find: Finder) -> list[Readiness]:
    environments = [environment] if environment else in_order(integration.environments)
    if not environments:
        return [Readiness(integration, None, [NOWHERE])]
    return [Readiness(integration, chosen, _problems(integration, chosen, find)) for chosen in environments]


def _problems(integration: Integration, environment: Environment, find: Finder) -> list[Warning]:
    """Return what would certainly refuse a run.

    Unlike the warnings, this includes that the integration itself is disabled or does not run in the environment.
    """
    own = problem_with_links([integration], environment)
    return ([own] if own else []) + [warning for warning in judge(integration, [environment], find) if warning.certain]
