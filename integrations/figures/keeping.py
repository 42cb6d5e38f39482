"""Keeping the counts of runs: each hour that is over is counted once, and old counts are deleted.

Two processes may do it at once: the runs are counted outside a transaction, and only one of them moves the mark.
"""

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Organization
from integrations.figures.counting import DAY, LONGEST_RUN, count_callers, count_runs, day_of, hour_of, merged
from integrations.models import CallerCount, Run, RunCount, RunsCounted, Span

KEPT = timedelta(days=400)
"""How long the counts of days are kept."""
HOURS_KEPT = timedelta(days=35)

logger = logging.getLogger(__name__)


def count_all() -> int:
    """Count the hours that are over of every organization; return how many hours were counted."""
    return sum(count_hours(organization_id) for organization_id in Organization.objects.values_list("pk", flat=True))


def count_hours(organization_id: UUID, now: datetime | None = None) -> int:
    """Count the hours of an organization that are over, a day at a time; return how many hours there were.

    An hour is over once no run of it can be under way. Hours without a run cost nothing.
    """
    now = now or timezone.now()
    last, counted = hour_of(now - LONGEST_RUN), 0
    mark = _mark(organization_id)
    while mark is not None and mark < last:
        until = min(last, day_of(mark) + DAY)
        if not _count(organization_id, mark, until, now):
            break
        counted += round((until - mark) / timedelta(hours=1))
        mark = _next_hour(organization_id, until, last)
    return counted


def forget_old() -> int:
    """Delete counts that are old; return how many rows there were."""
    now, deleted = timezone.now(), 0
    for model in (RunCount, CallerCount):
        for span, kept in ((Span.HOUR, HOURS_KEPT), (Span.DAY, KEPT)):
            deleted += model._default_manager.filter(span=span.value, starts_at__lt=now - kept).delete()[0]
    return deleted


def _mark(organization_id: UUID) -> datetime | None:
    """Return until when runs are counted, at first the hour of the first run; None without a run."""
    mark = RunsCounted.objects.filter(pk=organization_id).values_list("until", flat=True).first()
    if mark is not None:
        return mark
    first = _first_run(organization_id)
    if first is not None:
        RunsCounted.objects.bulk_create(
            [RunsCounted(organization_id=organization_id, until=hour_of(first))], ignore_conflicts=True
        )
    return hour_of(first) if first else None


def _first_run(organization_id: UUID, since: datetime | None = None) -> datetime | None:
    runs = Run.objects.filter(organization=organization_id)
    return (runs.filter(started_at__gte=since) if since else runs).order_by("started_at").values_list(
        "started_at", flat=True
    ).first()  # fmt: skip


def _next_hour(organization_id: UUID, mark: datetime, last: datetime) -> datetime | None:
    """Move the mark over hours without a run, and return it; None if it was moved by somebody else."""
    run = _first_run(organization_id, mark)
    ahead = min(last, hour_of(run)) if run else last
    return ahead if ahead == mark or _move(organization_id, mark, ahead) else None


def _move(organization_id: UUID, mark: datetime, until: datetime) -> bool:
    return bool(RunsCounted.objects.filter(pk=organization_id, until=mark).update(until=until))


def _count(organization_id: UUID, mark: datetime, until: datetime, now: datetime) -> bool:
    """Count the hours between two moments of a day; return whether nobody else did so meanwhile."""
    runs = count_runs(organization_id, mark, until, now=now)
    callers = count_callers(organization_id, mark, until, now=now)
    try:
        with transaction.atomic():
            if not _move(organization_id, mark, until):
                return False
            RunCount.objects.bulk_create(runs)
            CallerCount.objects.bulk_create(callers)
            for model in (RunCount, CallerCount):
                _add_up_day(model, organization_id, day_of(mark))
    except IntegrityError:  # the organization was deleted
        logger.info("the counts of an organization were not kept: it is gone")
        return False
    return True


def _add_up_day(model: Any, organization_id: UUID, day: datetime) -> None:
    """Make the rows of a day of those of its hours."""
    rows = model.objects.filter(organization=organization_id, starts_at__gte=day, starts_at__lt=day + DAY)
    hours = list(rows.filter(span=Span.HOUR.value))
    for row in hours:
        row.pk, row.span, row.starts_at = None, Span.DAY.value, day
    rows.filter(span=Span.DAY.value).delete()
    model.objects.bulk_create(merged(hours))
