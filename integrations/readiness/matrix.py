"""Whether integrations would run, for many at once (docs/api.md, `GET /readiness`).

The same judge as warnings and the list of integrations; nothing is opened or called. A page costs the same number of
queries whatever its length.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from accounts.actors import Actor
from accounts.common.environments import Environment, in_order
from accounts.common.paging import DEFAULT_LIMIT, Page, decode_cursor, encode_cursor
from integrations.errors import EnvironmentNotEnabled
from integrations.models import Integration
from integrations.readiness import overview
from integrations.readiness.warnings import Finder, Warning, judge, problem_with_links  # noqa: A004 - the API's word

NOWHERE = Warning(EnvironmentNotEnabled.code, "It runs in no environment. Choose one first.")


@dataclass(frozen=True, slots=True)
class Readiness:
    """One integration in one environment (None where it runs in none), and what would refuse a run there."""

    integration: Integration
    environment: Environment | None
    problems: list[Warning]


@dataclass(frozen=True, slots=True)
class ReadinessFilters:
    """What the matrix shows; empty ones do not narrow. `blocked`: only what does not run everywhere it should."""

    text: str = ""
    kind: str = ""
    environment: Environment | None = None
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """An integration in one environment: None where it is not meant to run, else what would refuse a run."""

    environment: Environment
    problems: list[Warning] | None


@dataclass(frozen=True, slots=True)
class ReadinessRow:
    """An integration in every environment, and the ids of the secrets that it names, None where there is no such."""

    integration: Integration
    cells: list[Cell]
    secret_ids: dict[str, UUID | None]

    @property
    def is_blocked(self) -> bool:
        """Whether a run would be refused where it is meant to work, or it is meant to work nowhere."""
        return not self.integration.environments or any(cell.problems for cell in self.cells)


def page(
    actor: Actor, environment: Environment | None = None, *, cursor: str = "", limit: int = DEFAULT_LIMIT
) -> Page[Readiness]:
    """The next `limit` integrations by name: in the environment, or in each one that they run in.

    Raises:
        Invalid: the cursor is not one of this list.
    """
    rows = overview.with_secrets(Integration.objects.visible_to(actor))
    if cursor:
        rows = rows.filter(name__gt=decode_cursor(cursor, length=1)[0])
    found = list(rows.order_by("name")[: limit + 1])
    shown = found[:limit]
    items = [
        item
        for integration, find in zip(shown, overview.finders(shown), strict=True)
        for item in _judged(integration, environment, find)
    ]
    return Page(items, encode_cursor([shown[-1].name]) if len(found) > limit else None)


def matrix(
    actor: Actor, filters: ReadinessFilters, *, cursor: str = "", limit: int = DEFAULT_LIMIT
) -> Page[ReadinessRow]:
    """The next `limit` integrations by kind and name, each with what it is like in every environment asked for.

    Raises:
        Invalid: the cursor is not one of this list.
    """
    rows = Integration.objects.visible_to(actor).search(filters.text).matching(kind=filters.kind)
    if cursor:
        rows = rows.after(*decode_cursor(cursor, length=2))
    rows = overview.with_secrets(rows).order_by("kind", "name")
    found = list(rows if filters.blocked else rows[: limit + 1])
    lines = [_line(*each, filters) for each in zip(found, overview.finders(found), strict=True)]
    lines = [line for line in lines if line.is_blocked or not filters.blocked]
    last = lines[limit - 1].integration if len(lines) > limit else None
    return Page(lines[:limit], encode_cursor([last.kind, last.name]) if last else None)


def _line(integration: Integration, find: Finder, filters: ReadinessFilters) -> ReadinessRow:
    chosen = [filters.environment] if filters.environment else list(Environment)
    cells = [
        Cell(one, _problems(integration, one, find) if one in integration.environments else None) for one in chosen
    ]
    return ReadinessRow(integration, cells, {ref.name: ref.secret_id for ref in overview.references_of(integration)})


def warnings_of(integrations: Iterable[Integration]) -> list[list[Warning]]:
    """For each integration (loaded by `overview.with_secrets`) its warnings, as `warnings_for` gives them for one."""
    found = list(integrations)
    return [
        judge(integration, in_order(integration.environments), find)
        for integration, find in zip(found, overview.finders(found), strict=True)
    ]


def _judged(integration: Integration, environment: Environment | None, find: Finder) -> list[Readiness]:
    environments = [environment] if environment else in_order(integration.environments)
    if not environments:
        return [Readiness(integration, None, [NOWHERE])]
    return [Readiness(integration, one, _problems(integration, one, find)) for one in environments]


def _problems(integration: Integration, environment: Environment, find: Finder) -> list[Warning]:
    """What is certain to refuse a run: its own switch and environments, then what warnings tell."""
    own = problem_with_links([integration], environment)
    return ([own] if own else []) + [warning for warning in judge(integration, [environment], find) if warning.certain]
