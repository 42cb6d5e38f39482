"""Records of runs that are over: those whose process ended before they did are closed, old ones are deleted."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import Organization
from accounts.people.organization_rules import run_days
from integrations.broker.memory import nonces
from integrations.figures.counting import LONGEST_RUN
from integrations.models import Run, RunOutcome, RunSecret

BATCH = 1000
"""How many runs are closed or deleted in a transaction, so that no run waits long for the write lock."""
INTERRUPTED = "interrupted"


def close_interrupted(since: datetime | None = None) -> int:
    """Record as failed what is still `started` after the longest run: its process ended before it did.

    If one is under way all the same, its own end replaces this one.

    Args:
        since: leave out runs that began before, which spares a look at all runs.

    Returns:
        how many runs there were.
    """
    started = Run.objects.filter(outcome=RunOutcome.STARTED.value)
    of_all = started.filter(organization__in=Organization.objects.values("pk"))  # so that its index serves
    runs = of_all.filter(started_at__lt=timezone.now() - LONGEST_RUN)
    ids = list((runs.filter(started_at__gte=since) if since else runs).values_list("pk", flat=True))
    closed = 0
    for start in range(0, len(ids), BATCH):
        still = started.filter(pk__in=ids[start : start + BATCH])
        closed += still.update(outcome=RunOutcome.FAILED.value, error_code=INTERRUPTED)
    return closed


def follow_deletion(*, organization: Organization, **_: Any) -> None:
    """Delete the runs and nonces of an organization that is being deleted (`organization_deleting`)."""
    nonces.forget_all(organization)
    forget_all(organization)


def forget_old() -> int:
    """Delete runs that are older than the retention period of their organization, oldest first.

    Concurrent calls share the work, because locked rows are skipped.

    Returns:
        how many runs were deleted.
    """
    now = timezone.now()
    return sum(
        _forget(organization, now - timedelta(days=run_days(organization)))
        for organization in Organization.objects.all()
    )


def forget_all(organization: Organization) -> None:
    """Delete all runs of an organization, in two statements whatever their number."""
    RunSecret.objects.filter(run__organization=organization).delete()
    runs = Run.objects.filter(organization=organization)
    runs._raw_delete(runs.db)  # noqa: SLF001 - `delete` would load all runs to find their secrets


def _forget(organization: Organization, before: datetime) -> int:
    deleted = 0
    while True:
        with transaction.atomic():
            old = Run.objects.filter(organization=organization, started_at__lt=before).order_by("started_at", "id")
            batch = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH])
            Run.objects.filter(pk__in=batch).delete()
        deleted += len(batch)
        if len(batch) < BATCH:
            return deleted
