"""Whether integrations would run, for many at once (API.md, `GET /readiness`).

The same judge as warnings and the list of integrations; nothing is opened or called. A page costs the same number of
queries whatever its length.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from accounts.actors import Actor
from accounts.environments import Environment, in_order
from accounts.errors import Refusal
from accounts.paging import DEFAULT_LIMIT, Page, decode_cursor, encode_cursor
from integrations import overview
from integrations.errors import EnvironmentNotEnabled
from integrations.models import Integration
from integrations.preparation import check_links
from integrations.warnings import Finder, Warning, judge  # noqa: A004 - the API's word

NOWHERE = Warning(EnvironmentNotEnabled.code, "It runs in no environment. Choose one first.")


@dataclass(frozen=True, slots=True)
class Readiness:
    """One integration in one environment (None where it runs in none), and what would refuse a run there."""

    integration: Integration
    environment: Environment | None
    problems: list[Warning]


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
    own = []
    try:
        check_links([integration], environment)
    except Refusal as refusal:
        own.append(Warning(refusal.code, refusal.detail, environment=environment))
    return own + [warning for warning in judge(integration, [environment], find) if warning.certain]
