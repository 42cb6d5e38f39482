"""The record of runs: who used what, where, with which secrets, and what became of it (docs/concepts.md, "Runs").

Never a body, a query string or a rendered URL. Records are committed before the caller has an answer.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, models, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.models import Organization
from accounts.people.organization_rules import run_days
from integrations.broker import ledger_postgres
from integrations.models import Integration, Run, RunOutcome, RunSecret, SecretReference
from secrets_app.models import Secret, SecretValue

STAMP_EVERY = timedelta(minutes=1)
REMEMBERED = 10_000
BATCH = 1000
"""Runs that are forgotten in one transaction, so that no run waits long for the write lock."""

_stamped: dict[tuple[frozenset[UUID], frozenset[tuple[UUID, int]]], float] = {}
"""What this process stamped, and until when it need not look again."""


@dataclass(frozen=True, slots=True)
class RunStart:
    """An attempt to put on record: as started, or as refused with a code.

    Args:
        note: what else is to be known of it later; never a value.
        host: where it goes, if that is known already.
        values: the values that it is about to use (their secrets loaded).
        refused_with: the code of the refusal; empty for a run that goes on.
    """

    actor: Actor
    integration: Integration
    environment: Environment
    operation: str
    note: str = ""
    host: str = ""
    values: Sequence[SecretValue] = ()
    refused_with: str = ""


@dataclass(frozen=True, slots=True)
class RunEnd:
    """What became of a run that was recorded as started; `status` is the upstream's, where it said one."""

    run: Run
    outcome: RunOutcome
    duration_ms: int
    error_code: str = ""
    status: int | None = None


def begin_all(starts: Sequence[RunStart]) -> list[Run]:
    """Record attempts, all or none; their runs in the same order."""
    now = timezone.now()
    runs = [_run(start, now) for start in starts]
    used = [
        RunSecret(run=run, secret_id=value.secret_id, name=value.secret.name, version=value.version, started_at=now)
        for start, run in zip(starts, runs, strict=True)
        for value in start.values
    ]
    if connection.vendor == "postgresql":
        ledger_postgres.insert(runs, used)
        return runs
    with transaction.atomic():
        Run.objects.bulk_create(runs)
        RunSecret.objects.bulk_create(used)
    return runs


def _run(start: RunStart, now: datetime) -> Run:
    return Run(
        organization=start.actor.organization,
        integration_id=start.integration.id,
        integration_name=start.integration.name,
        kind=start.integration.kind,
        operation=start.operation,
        note=start.note,
        environment=start.environment.value,
        caller_kind=start.actor.kind.value,
        caller_id=start.actor.id,
        caller=start.actor.label,
        host=start.host,
        started_at=now,
        outcome=(RunOutcome.REFUSED if start.refused_with else RunOutcome.STARTED).value,
        error_code=start.refused_with,
        duration_ms=0 if start.refused_with else None,
    )


def finish_all(ends: Sequence[RunEnd]) -> None:
    """Record how runs ended, in one transaction."""
    if connection.vendor == "postgresql":
        ledger_postgres.finish(
            [(end.run.pk, end.outcome.value, end.duration_ms, end.error_code, end.status) for end in ends]
        )
        return
    with transaction.atomic():
        for end in ends:
            Run.objects.filter(pk=end.run.pk).update(
                outcome=end.outcome.value, duration_ms=end.duration_ms, error_code=end.error_code, status=end.status
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
