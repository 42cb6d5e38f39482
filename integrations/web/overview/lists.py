"""The lists of the overview: what fails and the way out, what is slow, who is active."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse

from accounts.actors import Actor, ActorKind
from accounts.common.environments import Environment
from accounts.common.when import in_milliseconds
from accounts.models import ApiKey, User
from integrations.figures.figures import ActiveCaller, Figures, Tally
from integrations.kinds import KINDS
from integrations.models import Integration, IntegrationState, Run, RunOutcome
from integrations.readiness import overview
from integrations.readiness.overview import FailingIntegration
from integrations.web.runs.fixing import RunFix, fix_of

FAILING_AT_MOST, SLOWEST_AT_MOST, ACTIVE_AT_MOST = 8, 5, 6


@dataclass(frozen=True, slots=True)
class FailingLine:
    """An integration that fails.

    Attributes:
        reason: the code of the last run, or the status that the other side answered with.
        since: when it began to fail; None if nothing was called.
        tally: its calls in the period, in the environments in which it fails.
    """

    integration: Integration
    icon: str
    environments: list[Environment]
    fix: RunFix
    reason: str
    since: datetime | None
    tally: Tally


@dataclass(frozen=True, slots=True)
class SlowLine:
    """An integration with its times, drawn beside those of the slowest."""

    id: UUID
    name: str
    icon: str
    tally: Tally
    p50: str
    p95: str
    p50_share: float
    p95_share: float


@dataclass(frozen=True, slots=True)
class ActiveLine:
    """Who called: an API key or a person."""

    name: str
    is_key: bool
    url: str
    calls: int
    last_at: datetime


def failing_lines(actor: Actor, environment: Environment | None, found: Figures) -> list[FailingLine]:
    """Return the integrations that fail now, those with the most failed calls first."""
    failing = overview.failing(actor, FAILING_AT_MOST)
    lines = [_failing_line(actor, one, found) for one in failing if environment in {None, *one.health.failing_in}]
    return sorted(lines, key=lambda line: (-line.tally.failed, line.integration.name))


def _failing_line(actor: Actor, one: FailingIntegration, found: Figures) -> FailingLine:
    integration, fares = one.integration, one.health
    row = None if fares.code else fares.last[0]
    run = _run_of(integration, fares.failing_in[0], fares.code, row)
    reason = run.error_code or (f"upstream {run.status}" if run.status else "")
    tally = Tally()
    for environment in fares.failing_in:
        part = found.failures.get((integration.pk, environment.value), Tally())
        tally.calls, tally.failed = tally.calls + part.calls, tally.failed + part.failed
    since = row.since if row else None
    icon = KINDS[integration.kind].icon
    return FailingLine(
        integration, icon, fares.failing_in, fix_of(actor, run, integration), reason, since, tally
    )  # fmt: skip


def _run_of(integration: Integration, environment: Environment, code: str, row: IntegrationState | None) -> Run:
    """Return the run that failed last, or one as it would be refused now, which is not stored."""
    stored = Run.objects.filter(pk=row.run_id).prefetch_related("secrets").first() if row else None
    return stored or Run(
        organization_id=integration.organization_id,
        integration_id=integration.pk,
        integration_name=integration.name,
        kind=integration.kind,
        environment=environment.value,
        outcome=RunOutcome.REFUSED.value,
        error_code=row.error_code if row else code,
        status=row.status if row else None,
    )


def slow_lines(found: Figures, known: dict[UUID, Integration]) -> list[SlowLine]:
    """Return the integrations with the longest times, the slowest first; those that are gone are left out."""
    timed = [(one, tally) for one, tally in found.by_integration.items() if one in known and tally.p95]
    slowest = sorted(timed, key=lambda pair: -(pair[1].p95 or 0))[:SLOWEST_AT_MOST]
    most = max((tally.p95 or 0 for _, tally in slowest), default=0)
    return [_slow_line(known[one], tally, most) for one, tally in slowest]


def _slow_line(integration: Integration, tally: Tally, most: int) -> SlowLine:
    p50, p95 = tally.p50 or 0, tally.p95 or 0
    return SlowLine(
        id=integration.pk,
        name=integration.name,
        icon=KINDS[integration.kind].icon,
        tally=tally,
        p50=in_milliseconds(p50),
        p95=in_milliseconds(p95),
        p50_share=round(100 * p50 / most, 1),
        p95_share=round(100 * p95 / most, 1),
    )


def integrations_of(actor: Actor, found: Figures) -> dict[UUID, Integration]:
    """Return the integrations that a period has calls of, as far as they exist."""
    rows = Integration.objects.visible_to(actor).only("name", "kind")
    return {row.pk: row for row in rows if row.pk in found.by_integration}


def active_lines(actor: Actor, callers: Iterable[ActiveCaller]) -> list[ActiveLine]:
    """Return who called last, with names; those that are gone are left out."""
    rows = list(callers)
    ids = [row.id for row in rows]
    keys = {key.pk: key for key in ApiKey.objects.filter(organization=actor.organization, pk__in=ids).only("name")}
    people = {person.pk: person for person in User.objects.filter(pk__in=ids)}
    lines = (_active_line(actor, row, keys, people) for row in rows)
    return [line for line in lines if line][:ACTIVE_AT_MOST]


def _active_line(
    actor: Actor, row: ActiveCaller, keys: dict[UUID, ApiKey], people: dict[Any, User]
) -> ActiveLine | None:
    if row.kind == ActorKind.API_KEY.value:
        if row.id not in keys:
            return None
        url = reverse("api-key", args=[actor.organization.slug, row.id])
        return ActiveLine(keys[row.id].name, True, url, row.calls, row.last_at)
    person = people.get(row.id)
    return ActiveLine(person.name or str(person), False, "", row.calls, row.last_at) if person else None
