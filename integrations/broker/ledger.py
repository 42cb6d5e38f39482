"""The record of runs: caller, integration, environment, secrets and outcome (docs/concepts.md, "Runs").

Records never hold a body, a query string or a rendered URL. They are committed before the caller gets a response.

The rows of a whole batch are written in one round trip and with one commit (`accounts.common.sql`).
"""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from django.db import DatabaseError, models, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.actors import Actor, ActorKind
from accounts.common.environments import Environment
from accounts.common.observers import RunTrace
from accounts.common.sql.compiled import CompiledWrite
from accounts.common.sql.pipeline import Statement, run_together
from accounts.errors import Refusal
from integrations.errors import DomainNotAllowed
from integrations.figures.counting import HOUR, LONGEST_RUN, hour_of
from integrations.health import judging, refused_domains
from integrations.models import BegunRun, Integration, Run, RunOutcome, RunSecret, SecretReference
from secrets_app.models import Secret, SecretValue

STAMP_EVERY = timedelta(minutes=1)
"""The shortest time between two updates of a last-used stamp."""
REMEMBERED = 10_000

logger = logging.getLogger(__name__)

_stamped: dict[tuple[frozenset[UUID], frozenset[tuple[UUID, int]]], float] = {}
"""What this process stamped recently, and until when it skips stamping it again."""
_hours: dict[UUID, datetime] = {}
"""When the next hour of the runs of an organization is to be counted (`integrations.figures`)."""

_BEGIN, _USE = CompiledWrite(Run), CompiledWrite(RunSecret)
_END = CompiledWrite(
    Run,
    updating=(
        *("outcome", "duration_ms", "error_code", "status", "steps", "address"),
        *("answer_bytes", "sent_bytes", "first_byte_ms"),
    ),
)

STEPS = ("admitted", "opened", "judged", "sent", "answered", "masked", "recorded")
"""The steps of a run, in their order (docs/runs.md). A run that calls several times has the sums."""
BEGUN, STOPPED = "begun", "stopped"
"""Marks that end no step: a further call begins; the run stopped in the step that comes after the last mark."""
_NEXT = dict(pairwise(STEPS)) | {"": "admitted", BEGUN: "judged"}


@dataclass(frozen=True, slots=True)
class RunStart:
    """A run to record, as started or as refused.

    Attributes:
        note: further information for the record; never a value.
        host: the host that the run calls, if it is known.
        values: the values that the run will use, with their secrets loaded.
        refused_with: the code of the refusal; empty for a run that goes on.
        id: the id that the run gets.
    """

    actor: Actor
    integration: Integration
    environment: Environment
    operation: str
    note: str = ""
    host: str = ""
    values: Sequence[SecretValue] = ()
    refused_with: str = ""
    trace: RunTrace = field(default_factory=RunTrace)
    id: UUID = field(default_factory=uuid4)


@dataclass(frozen=True, slots=True)
class RunEnd:
    """The end of a run that was recorded as started.

    Attributes:
        status: the HTTP status of the upstream, if it sent one.
    """

    run: BegunRun
    outcome: RunOutcome
    duration_ms: int
    error_code: str = ""
    status: int | None = None
    trace: RunTrace = field(default_factory=RunTrace)

    @property
    def has_answer(self) -> bool:
        """Whether the upstream answered, so that the caller gets something."""
        return self.outcome in {RunOutcome.SUCCEEDED, RunOutcome.UPSTREAM_ERROR}

    def instead(self, refusal: Refusal) -> "RunEnd":
        """Return the end of a run whose answer is refused; the refusal gets the id of the run."""
        refusal.members["run_id"] = str(self.run.id)
        return replace(self, outcome=RunOutcome.FAILED, error_code=refusal.code)


def ids_of(run: BegunRun) -> dict[str, str]:
    """Return what the log says of who runs what where."""
    return {
        "run_id": str(run.id),
        "organization": str(run.organization_id),
        "integration": str(run.integration_id),
        "key" if run.caller_kind == ActorKind.API_KEY else run.caller_kind: str(run.caller_id),
        "kind": run.kind,
        "environment": run.environment,
    }


def begin_all(starts: Sequence[RunStart]) -> list[BegunRun]:
    """Record the start of runs, all or none; return the records in the same order."""
    now = timezone.now()
    runs = [_run(start, now) for start in starts]
    used = [
        SimpleNamespace(
            run_id=run.id, secret_id=value.secret_id, name=value.secret.name, version=value.version, started_at=now
        )
        for start, run in zip(starts, runs, strict=True)
        for value in start.values
    ]
    run_together([*_BEGIN.statements(runs), *_USE.statements(used)])
    if refused := [(run, start) for start, run in zip(starts, runs, strict=True) if start.refused_with]:
        _tell_refused(refused)
    return runs


def _tell_refused(refused: Sequence[tuple[BegunRun, RunStart]]) -> None:
    refused_domains.tell(run for run, _ in refused if run.error_code == DomainNotAllowed.code)
    judging.note(
        judging.verdict(run, run.outcome, run.error_code, None) for run, start in refused if not start.trace.is_trial
    )


def _run(start: RunStart, now: datetime) -> BegunRun:
    return BegunRun(
        id=start.id,
        organization_id=start.actor.organization.id,
        integration_id=start.integration.id,
        integration_name=start.integration.name,
        kind=start.integration.kind,
        operation=start.operation,
        note=start.note,
        environment=start.environment.value,
        caller_kind=start.actor.kind.value,
        caller_id=start.actor.id,
        principal_id=start.actor.key_id,
        caller=start.actor.label,
        host=start.host,
        started_at=now,
        outcome=(RunOutcome.REFUSED if start.refused_with else RunOutcome.STARTED).value,
        error_code=start.refused_with,
        duration_ms=0 if start.refused_with else None,
        steps=steps_of(start.trace),
        request_id=start.trace.request_id,
    )


def finish_all(ends: Sequence[RunEnd]) -> None:
    """Record the end of runs, all or none, and then what they said of their integrations."""
    run_together(endings(ends))
    tell_ended(ends)


def endings(ends: Iterable[RunEnd]) -> list[Statement]:
    """Return the statements that record the end of runs; `tell_ended` comes after them."""
    return _END.statements([_ended(end) for end in ends])


def tell_ended(ends: Sequence[RunEnd]) -> None:
    """Note what runs whose end is recorded said of their integrations."""
    if refused := [end.run for end in ends if end.error_code == DomainNotAllowed.code]:  # at a redirect
        refused_domains.tell(refused)
    moment = time.monotonic()
    if news := [end for end in ends if not end.trace.is_trial and not _is_known_to_work(end, moment)]:
        judging.note(judging.verdict(end.run, end.outcome.value, end.error_code, end.status) for end in news)


def _ended(end: RunEnd) -> SimpleNamespace:
    """Return the columns that the end of a run sets."""
    return SimpleNamespace(
        id=end.run.id,
        outcome=end.outcome.value,
        duration_ms=end.duration_ms,
        error_code=end.error_code,
        status=end.status,
        steps=steps_of(end.trace),
        address=end.trace.address,
        answer_bytes=end.trace.answer_bytes,
        sent_bytes=end.trace.sent_bytes,
        first_byte_ms=end.trace.first_byte_ms,
    )


def steps_of(trace: RunTrace) -> dict[str, float]:
    """Return the milliseconds of each step that a trace has marks of, in the order of the steps."""
    took: defaultdict[str, float] = defaultdict(float)
    last = ""
    for (_, before), (mark, at) in pairwise(trace.marks):
        step = _NEXT.get(last, last) if mark == STOPPED else mark
        took[step] += (at - before) * 1000
        last = mark
    return {step: round(took[step], 2) for step in STEPS if step in took}


def _is_known_to_work(end: RunEnd, moment: float) -> bool:
    said, until = judging.KNOWN.get((end.run.integration_id, end.run.environment), (None, 0))
    return end.outcome is RunOutcome.SUCCEEDED and said == judging.WORKS and until > moment


def hour_is_over(organization_id: UUID, now: datetime | None = None) -> bool:
    """Return, once in each hour and process, whether there is an hour of the organization's runs to be counted.

    What an earlier process left uncounted is counted at the start of this one (`config.lifespan`).
    """
    now, due = now or timezone.now(), _hours.get(organization_id)
    if due is not None and now < due:
        return False
    if len(_hours) >= REMEMBERED:
        _hours.clear()
    _hours[organization_id] = hour_of(now - LONGEST_RUN) + HOUR + LONGEST_RUN
    return due is not None


def stamp_used(used: Iterable[tuple[Iterable[UUID], Iterable[Integration]]]) -> None:
    """Call `stamp_unless_recent` for the secrets and integrations of each run. It may fail: the runs are recorded."""
    try:
        for secret_ids, links in used:
            stamp_unless_recent(secret_ids, links)
    except DatabaseError as fault:
        logger.warning("the last use of secrets was not recorded: %s", type(fault).__name__)


def stamp_unless_recent(secret_ids: Iterable[UUID], links: Iterable[Integration]) -> None:
    """Call `stamp_last_used`, unless this process has done so recently for the same secrets and versions."""
    secret_ids, links = frozenset(secret_ids), list(links)
    used = secret_ids, frozenset([(link.id, link.version) for link in links])
    moment = time.monotonic()
    if _stamped.get(used, moment) > moment:
        return
    if stamp_last_used(secret_ids, [link.id for link in links]):
        if len(_stamped) >= REMEMBERED:
            _stamped.clear()
        _stamped[used] = moment + STAMP_EVERY.total_seconds()


def stamp_last_used(secret_ids: Iterable[UUID], integration_ids: Iterable[UUID]) -> bool:
    """Set the last-used stamps of secrets, and of the references of these integrations to them.

    A stamp is updated at most once a minute, and locked rows are skipped, so that a busy secret never makes runs wait.

    Returns:
        whether no row was skipped.
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
