"""Counting runs themselves: for the hours that are not counted yet, and once for each hour that is over."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import CharField, Count, Func, Max, Q

from integrations.figures.durations import DurationClass
from integrations.models import CallerCount, Run, RunCount, RunOutcome, Span

LONGEST_RUN = timedelta(minutes=75)
"""More than any run takes: what is passed through gets an hour at most, and a token is fetched before."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

Counted = TypeVar("Counted", RunCount, CallerCount)


class _Hour(Func):
    """The hour of a time as text, `2026-11-20 14`, which costs neither database a function of Python."""

    template = "substr(%(expressions)s, 1, 13)"
    output_field = CharField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Return the same of a column that is no text."""
        template = "to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24')"
        return self.as_sql(compiler, connection, template=template, **context)


def hour_of(moment: datetime) -> datetime:
    """Return the beginning of the hour."""
    return moment.replace(minute=0, second=0, microsecond=0)


def day_of(moment: datetime) -> datetime:
    """Return the beginning of the day, in UTC."""
    return hour_of(moment.astimezone(UTC)).replace(hour=0)


def count_runs(organization_id: UUID, since: datetime, until: datetime, *, now: datetime) -> list[RunCount]:
    """Count the runs that began within a time and have ended, by hour. The rows are not stored.

    A run that cannot be under way any more counts as failed, as `broker.retention` records it.
    """
    ended = _ended(organization_id, since, until, now)
    groups = ended.annotate(hour=_Hour("started_at"), took=DurationClass("duration_ms")).values_list(
        "hour", "integration_id", "environment", "outcome", "took"
    )
    found: dict[tuple[Any, ...], RunCount] = {}
    for hour, integration_id, environment, ended_as, took, runs in groups.annotate(n=Count("pk")).order_by():
        outcome = RunOutcome.FAILED.value if ended_as == RunOutcome.STARTED.value else ended_as
        row = found.setdefault(
            (hour, integration_id, environment, outcome),
            RunCount(
                organization_id=organization_id, span=Span.HOUR.value, starts_at=_moment(hour), runs=0, durations={},
                integration_id=integration_id, environment=environment, outcome=outcome,
            ),
        )  # fmt: skip
        row.runs += runs
        if took is not None:
            row.durations[str(took)] = row.durations.get(str(took), 0) + runs
    return list(found.values())


def count_callers(organization_id: UUID, since: datetime, until: datetime, *, now: datetime) -> list[CallerCount]:
    """Count the same runs by person or API key, and hour. The rows are not stored."""
    groups = _ended(organization_id, since, until, now).exclude(principal_id=None).annotate(hour=_Hour("started_at"))
    grouped = groups.values_list("hour", "caller_kind", "principal_id", "environment")
    return [
        CallerCount(
            organization_id=organization_id, span=Span.HOUR.value, starts_at=_moment(hour), caller_kind=kind,
            caller_id=principal_id, environment=environment, runs=runs, last_at=last,
        )
        for hour, kind, principal_id, environment, runs, last in grouped.annotate(
            n=Count("pk"), last=Max("started_at")
        ).order_by()
    ]  # fmt: skip


def _ended(organization_id: UUID, since: datetime, until: datetime, now: datetime) -> Any:
    within = Run.objects.filter(organization=organization_id, started_at__gte=since, started_at__lt=until)
    return within.filter(~Q(outcome=RunOutcome.STARTED.value) | Q(started_at__lt=now - LONGEST_RUN))


def _moment(hour: str) -> datetime:
    return datetime.strptime(hour, "%Y-%m-%d %H").replace(tzinfo=UTC)


def merged(rows: Iterable[Counted]) -> list[Counted]:
    """Return one row for those that differ in their numbers only."""
    found: dict[tuple[Any, ...], Counted] = {}
    for row in rows:
        same = found.setdefault(_key(row), row)
        if same is not row:
            same.runs += row.runs
            _add(same, row)
    return list(found.values())


def _key(row: RunCount | CallerCount) -> tuple[Any, ...]:
    if isinstance(row, RunCount):
        return row.span, row.starts_at, row.integration_id, row.environment, row.outcome
    return row.span, row.starts_at, row.caller_kind, row.caller_id, row.environment


def _add(row: Any, other: Any) -> None:
    if isinstance(row, RunCount):
        row.durations = dict(Counter(row.durations) + Counter(other.durations))
    else:
        row.last_at = max(row.last_at, other.last_at)
