"""The figures of a period: calls, failures and times, by slot, environment and integration; and of the one before."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from accounts.common.environments import Environment
from accounts.models import Organization
from integrations.figures.counting import HOUR, count_callers, count_runs, day_of
from integrations.figures.durations import percentile
from integrations.figures.periods import Period
from integrations.models import CallerCount, RunCount, RunOutcome, RunsCounted, Span

WORKED = RunOutcome.SUCCEEDED.value
NOT_SENT = RunOutcome.REFUSED.value
HALF, NEARLY_ALL = 0.5, 0.95


@dataclass(slots=True)
class Tally:
    """Runs that are added up.

    Attributes:
        durations: how many of those that were sent took how long, by class.
    """

    calls: int = 0
    failed: int = 0
    durations: Counter[int] = field(default_factory=Counter)

    def add(self, row: "_CountedRuns") -> None:
        """Add the runs of a row. A refused call was not sent, so it took no time of the upstream."""
        _, _, _, outcome, runs, durations = row
        self.calls += runs
        self.failed += 0 if outcome == WORKED else runs
        if outcome != NOT_SENT:
            for number, each in durations.items():
                self.durations[int(number)] += each

    def merge(self, other: "Tally") -> None:
        """Add what another has added up."""
        self.calls, self.failed = self.calls + other.calls, self.failed + other.failed
        self.durations.update(other.durations)

    @property
    def succeeded_percent(self) -> float | None:
        """The share of calls that succeeded, in percent; None without a call."""
        return 100 * (self.calls - self.failed) / self.calls if self.calls else None

    @property
    def p50(self) -> int | None:
        """The milliseconds within which half of the calls were answered."""
        return percentile(self.durations, HALF)

    @property
    def p95(self) -> int | None:
        """The milliseconds within which 95 of 100 calls were answered."""
        return percentile(self.durations, NEARLY_ALL)


@dataclass(slots=True)
class FigureSlot:
    """An hour or a day of a period."""

    starts_at: datetime
    by_environment: dict[str, int] = field(default_factory=dict)
    all: Tally = field(default_factory=Tally)


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a period in some environments.

    Attributes:
        before: the period of the same length before it.
        elapsed: how much of the period has passed, as a share: its last slot is not over.
        by_integration: by id; the integration may be gone.
        failures: how many calls of an integration failed in an environment.
    """

    period: Period
    slots: list[FigureSlot]
    all: Tally
    before: Tally
    elapsed: float
    by_integration: dict[UUID, Tally]
    failures: dict[tuple[UUID, str], Tally]


@dataclass(frozen=True, slots=True)
class ActiveCaller:
    """Who called in a period."""

    kind: str
    id: UUID
    calls: int
    last_at: datetime


def figures(organization: Organization, period: Period, environment: Environment | None, now: datetime) -> Figures:
    """Return the figures of a period up to now, in one environment or in all."""
    starts = period.starts(now)
    slots = {start: FigureSlot(start) for start in starts}
    length = period.step * period.slots
    found = Figures(period, list(slots.values()), Tally(), Tally(), (now - starts[0]) / length, {}, {})
    for row in _rows(RunCount, organization, period, starts[0] - length, environment, now):
        starts_at, integration_id, where, _, runs, _ = row
        if starts_at < starts[0]:
            found.before.add(row)
            continue
        slot = slots[starts_at]
        slot.by_environment[where] = slot.by_environment.get(where, 0) + runs
        slot.all.add(row)
        found.failures.setdefault((integration_id, where), Tally()).add(row)
    for (integration_id, _), tally in found.failures.items():
        found.by_integration.setdefault(integration_id, Tally()).merge(tally)
        found.all.merge(tally)
    return found


def callers(
    organization: Organization, period: Period, environment: Environment | None, now: datetime
) -> list[ActiveCaller]:
    """Return who called in a period, the one that called last first."""
    found: dict[tuple[str, UUID], ActiveCaller] = {}
    for _, kind, caller_id, _, runs, last_at in _rows(
        CallerCount, organization, period, period.starts(now)[0], environment, now
    ):
        known = found.get((kind, caller_id), ActiveCaller(kind, caller_id, 0, last_at))
        found[kind, caller_id] = ActiveCaller(kind, caller_id, known.calls + runs, max(known.last_at, last_at))
    return sorted(found.values(), key=lambda caller: caller.last_at, reverse=True)


_CountedRuns = tuple[datetime, UUID, str, str, int, dict[str, int]]
_COLUMNS: dict[Any, tuple[str, ...]] = {
    RunCount: ("starts_at", "integration_id", "environment", "outcome", "runs", "durations"),
    CallerCount: ("starts_at", "caller_kind", "caller_id", "environment", "runs", "last_at"),
}
"""What is read of the rows of each kind: no objects are made of them, which would cost more than all else."""


def _rows(
    model: Any, organization: Organization, period: Period, since: datetime, environment: Environment | None,
    now: datetime,
) -> Iterable[Any]:  # fmt: skip
    """Yield the rows of the slots of a period, kept or counted now."""
    rows = model.objects.filter(organization=organization, span=period.span.value, starts_at__gte=since)
    rows = (rows.filter(environment=environment.value) if environment else rows).values_list(*_COLUMNS[model])
    until, kept = _until(organization), list(rows)
    while (moved := _until(organization)) != until:  # another process counted an hour meanwhile
        until, kept = moved, list(rows.all())
    yield from kept
    count, read = (count_runs if model is RunCount else count_callers), attrgetter(*_COLUMNS[model])
    for row in count(organization.pk, max(since, until) if until else since, now + HOUR, now=now):
        if environment is None or row.environment == environment.value:
            row.starts_at = row.starts_at if period.span is Span.HOUR else day_of(row.starts_at)
            yield read(row)


def _until(organization: Organization) -> datetime | None:
    return RunsCounted.objects.filter(pk=organization.pk).values_list("until", flat=True).first()
