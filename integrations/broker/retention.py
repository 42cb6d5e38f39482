"""Deleting run records: after the retention period of their organization, or with the organization."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import Organization
from accounts.people.organization_rules import run_days
from integrations.broker import nonces
from integrations.models import Run, RunSecret

BATCH = 1000
"""How many runs are deleted in a transaction, so that no run waits long for the write lock."""


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
