"""The record of runs: who used what, where, with which secrets, and what became of it (DESIGN section 3, `Run`).

Never a body, a query string or a rendered URL. Records are committed before the caller has an answer.
"""

import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.actors import Actor
from accounts.environments import Environment
from accounts.models import Organization
from accounts.organization_rules import run_days
from integrations.models import Integration, Run, RunOutcome, RunSecret, SecretReference
from secrets_app.models import Secret, SecretValue

STAMP_EVERY = timedelta(minutes=1)
REMEMBERED = 10_000
BATCH = 1000
"""Runs that are forgotten in one transaction, so that no run waits long for the write lock."""

_stamped: dict[tuple[frozenset[UUID], frozenset[tuple[UUID, int]]], float] = {}
"""What this process stamped, and until when it need not look again."""


def begin(
    *,
    actor: Actor,
    integration: Integration,
    environment: Environment,
    operation: str,
    note: str = "",
    host: str = "",
    values: Iterable[SecretValue] = (),
    refused_with: str = "",
) -> Run:
    """Record an attempt: as started, or as refused with a code.

    Args:
        note: what else is to be known of it later; never a value.
        host: where it goes, if that is known already.
        values: the values that it is about to use (their secrets loaded).
        refused_with: the code of the refusal; empty for a run that goes on.
    """
    now = timezone.now()
    with transaction.atomic():
        run = Run.objects.create(
            organization=actor.organization,
            integration_id=integration.id,
            integration_name=integration.name,
            kind=integration.kind,
            operation=operation,
            note=note,
            environment=environment.value,
            caller_kind=actor.kind.value,
            caller_id=actor.id,
            caller=actor.label,
            host=host,
            started_at=now,
            outcome=(RunOutcome.REFUSED if refused_with else RunOutcome.STARTED).value,
            error_code=refused_with,
            duration_ms=0 if refused_with else None,
        )
        RunSecret.objects.bulk_create(
            RunSecret(run=run, secret_id=value.secret_id, name=value.secret.name, version=value.version, started_at=now)
            for value in values
        )
    return run


def finish(run: Run, *, outcome: RunOutcome, duration_ms: int, error_code: str = "", status: int | None = None) -> None:
    """Record how the run ended."""
    Run.objects.filter(pk=run.pk).update(
        outcome=outcome.value, duration_ms=duration_ms, error_code=error_code, status=status
    )


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


def stamp_now_and_then(secret_ids: Iterable[UUID], links: Iterable[Integration]) -> None:
    """`stamp_last_used`, unless this process has just done it for these secrets and these versions of integrations."""
    secret_ids, links = frozenset(secret_ids), list(links)
    used = secret_ids, frozenset((link.pk, link.version) for link in links)
    moment = time.monotonic()
    if _stamped.get(used, moment) > moment:
        return
    if stamp_last_used(secret_ids, [link.pk for link in links]):
        if len(_stamped) >= REMEMBERED:
            _stamped.clear()
        _stamped[used] = moment + STAMP_EVERY.total_seconds()


def stamp_last_used(secret_ids: Iterable[UUID], integration_ids: Iterable[UUID]) -> bool:
    """Note on secrets, and on the references of the run's integrations to them, that they were just used.

    At most once a minute each, and a row that somebody else holds is left alone: a hot secret never makes runs queue.

    Returns:
        whether no row was left alone.
    """
    now, secret_ids = timezone.now(), list(secret_ids)
    references = SecretReference.objects.filter(secret__in=secret_ids, integration__in=list(integration_ids))
    with transaction.atomic():
        return all([_stamp(Secret.objects.filter(pk__in=secret_ids), now), _stamp(references, now)])


def _stamp(rows: models.QuerySet[Any], now: datetime) -> bool:
    stale = rows.filter(Q(last_used_at=None) | Q(last_used_at__lt=now - STAMP_EVERY))
    free = list(stale.order_by("pk").select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True))
    if free:
        rows.model._default_manager.filter(pk__in=free).update(last_used_at=now)
    return not stale.exists()
