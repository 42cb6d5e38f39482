"""The end of run records: when they are older than their organization keeps them, or when the organization goes."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import Organization
from accounts.people.organization_rules import run_days
from integrations.broker import nonces
from integrations.models import Run, RunSecret

BATCH = 1000
"""Runs that are removed in one transaction, so that no run waits long for the write lock."""


def follow_deletion(sender: Any, *, organization: Organization, **more: Any) -> None:  # noqa: ARG001
    """The receiver of `organization_deleting`."""
    nonces.forget_all(organization)
    forget_all(organization)


def forget_old() -> int:
    """Remove runs that are older than their organization keeps them (`run_days`), oldest first; how many.

    Two at once share the work.
    """
    now = timezone.now()
    return sum(
        _forget(organization, now - timedelta(days=run_days(organization)))
        for organization in Organization.objects.all()
    )


def forget_all(organization: Organization) -> None:
    """Remove every run of an organization that is about to go, in two statements whatever their number."""
    RunSecret.objects.filter(run__organization=organization).delete()
    runs = Run.objects.filter(organization=organization)
    runs._raw_delete(runs.db)  # noqa: SLF001 - `delete` would load them all, to find what has just been removed


def _forget(organization: Organization, before: datetime) -> int:
    gone = 0
    while True:
        with transaction.atomic():
            old = Run.objects.filter(organization=organization, started_at__lt=before).order_by("started_at", "id")
            batch = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH])
            Run.objects.filter(pk__in=batch).delete()
        gone += len(batch)
        if len(batch) < BATCH:
            return gone
