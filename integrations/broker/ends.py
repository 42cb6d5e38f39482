"""How runs begin, go on and end: admitted together with others, looked at again, and their ends recorded together."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import Error
from django.utils import timezone

from accounts.access.callers import CONCURRENT_CALLS, keys_with, refusal_meanwhile
from accounts.actors import ActorKind
from accounts.common import observers
from accounts.common.database import Batches, in_background
from accounts.common.outages import as_refusal
from accounts.common.request_notes import NOTES, REQUEST_ID, RUNS
from accounts.common.sql.compiled import Among, CompiledQuery, Question, ask_together
from accounts.common.sql.pipeline import run_together
from accounts.errors import DatabaseUnavailable, RateLimited, Refusal
from accounts.models import ApiKey
from integrations.broker import ledger
from integrations.broker.admission import INTERNAL_ERROR, Caller, admit_all
from integrations.broker.preparation import Admitted, Call
from integrations.budgets.spending import settling
from integrations.errors import EgressDenied, SecretDisabled
from integrations.figures.keeping import count_hours
from integrations.models import BegunRun, Integration, RunOutcome
from integrations.stops.disabled import integration_disabled
from secrets_app.models import Secret

CANCELLED = "cancelled"
UNRECORDED = (
    "The database became unavailable during this run, so its end is not on record and its answer is not given out. It "
    "may have reached the upstream: look there before you repeat it."
)

logger = logging.getLogger(__name__)
run_lines = logging.getLogger(RUNS)


@asynccontextmanager
async def under_way(caller: Caller, call: Call) -> AsyncIterator[Admitted]:
    """Admit a call, and run the block as its run.

    Raises:
        Refusal: as `admission.admit_all`; and DatabaseUnavailable if an outage breaks the block off.
    """
    with observers.step("run"):
        is_trial = call.staged is not None
        trace = observers.RunTrace([("", time.monotonic())], request_id=REQUEST_ID.get(), is_trial=is_trial)
        observers.TRACE.set(trace)
        admitted = await _admit(caller, call, trace)
        try:
            yield admitted
        except Error as fault:
            raise _unrecorded(fault, admitted.run)  # noqa: B904 - an exception that is no outage stays as it is
        finally:
            CONCURRENT_CALLS.release(admitted.actor)


def _unrecorded(fault: Exception, run: BegunRun) -> Exception:
    """Return the refusal of a run that an outage of the database broke off, or another exception as it is."""
    refusal = as_refusal(fault)
    if isinstance(refusal, DatabaseUnavailable):
        refusal = DatabaseUnavailable(UNRECORDED)
        refusal.members["run_id"] = str(run.id)
    return refusal


async def _admit(caller: Caller, call: Call, trace: observers.RunTrace) -> Admitted:
    """Return the admitted call. If the caller disconnects meanwhile, the run is closed."""
    job = _ADMISSIONS.ask((caller, call, trace))
    try:
        with observers.step("admission"):
            return await asyncio.shield(job)
    except Refusal as refusal:
        if refusal.run:
            _log(refusal.run, RunOutcome.REFUSED, refusal.code)
        raise
    except asyncio.CancelledError:
        await asyncio.shield(asyncio.create_task(_abandon(job)))
        raise


async def _abandon(job: "asyncio.Future[Admitted]") -> None:
    """Release the slot and close the record of a call whose caller has disconnected."""
    with suppress(Refusal):
        admitted = await job
        CONCURRENT_CALLS.release(admitted.actor)
        await _ENDS.ask((ledger.RunEnd(admitted.run, RunOutcome.FAILED, 0, CANCELLED, trace=admitted.trace), None))


class Course:
    """A run under way, whose end is recorded once.

    Attributes:
        is_ended: whether its end was recorded, or could not be.
        status: that of an answer that flows, once its head has arrived.
    """

    def __init__(self, admitted: Admitted) -> None:
        self.admitted = admitted
        self.is_ended = False
        self.status: int | None = None
        self._started = time.monotonic()

    @property
    def milliseconds(self) -> int:
        """How long it has taken."""
        return round((time.monotonic() - self._started) * 1000)

    async def end(self, outcome: RunOutcome, *, code: str = "", status: int | None = None) -> int:
        """Record the end, before the caller gets the last of the answer; return its milliseconds.

        A disconnect does not cancel the write.

        Raises:
            Refusal: the key, all agents, an integration or a secret of the run was stopped while it was under way
                (`_stopped_meanwhile`), so its answer is not given out.
        """
        self.is_ended = True
        admitted, ids, milliseconds = self.admitted, ledger.ids_of(self.admitted.run), self.milliseconds
        end = ledger.RunEnd(admitted.run, outcome, milliseconds, code, status, admitted.trace)
        try:
            with observers.step("record"):
                await _ENDS.ask((end, None if outcome is RunOutcome.REFUSED else admitted))
        except Refusal as refusal:
            _log(ids, RunOutcome.FAILED, refusal.code, milliseconds, status)
            raise
        _log(ids, outcome, code, milliseconds, status)
        if ledger.hour_is_over(admitted.run.organization_id):
            in_background(count_hours, admitted.run.organization_id)
        return milliseconds

    async def break_off(self, fault: BaseException, *, has_sent: bool) -> None:
        """Record that the run failed or was refused, unless its end is recorded."""
        if self.is_ended:
            return
        self.admitted.trace.marks.append((ledger.STOPPED, time.monotonic()))
        if not isinstance(fault, Refusal):  # also on disconnect or crash
            code = CANCELLED if isinstance(fault, asyncio.CancelledError) else INTERNAL_ERROR
            await self.end(RunOutcome.FAILED, code=code)
            return
        status = fault.members.get("upstream_status")
        outcome = RunOutcome.REFUSED if _is_before_sending(fault) and not has_sent else RunOutcome.FAILED
        await self.end(outcome, code=fault.code, status=status if isinstance(status, int) else None)
        fault.members["run_id"] = str(self.admitted.run.id)


def _log(ids: dict[str, str], outcome: RunOutcome, code: str, duration_ms: int = 0, status: int | None = None) -> None:
    """Write the line of a run whose end is on record."""
    NOTES.get({}).update(ids)
    if run_lines.isEnabledFor(logging.INFO):
        fields = {**ids, "outcome": outcome.value, "code": code, "status": status, "milliseconds": duration_ms}
        run_lines.info("run %s", fields)
    for tell in observers.RUN_ENDED:
        tell(ids, outcome.value, code)


def _finish_all(ends: Sequence[tuple[ledger.RunEnd, Admitted | None]]) -> list[Refusal | None]:
    """Record the ends of runs, and update the last-used stamps of runs that reached the upstream.

    Returns:
        for each run the refusal of its answer, if the key, an integration or a secret was stopped meanwhile.
    """
    moment = time.monotonic()
    for end, _ in ends:
        end.trace.marks.append(("recorded", moment))
    charged = [(used.charge, end.trace.cost) for end, used in ends if used and used.charge]
    with settling(charged) if charged else nullcontext():
        stopped = _record_all(ends)
    ledger.stamp_used((used.secret_ids, used.links) for _, used in ends if used)
    return stopped


def _record_all(used: Sequence[tuple[ledger.RunEnd, Admitted | None]]) -> list[Refusal | None]:
    """Record the ends of runs, and look in the same round trip whether their calls were stopped meanwhile."""
    ends = [end for end, _ in used]
    calls = [admitted if end.has_answer else None for end, admitted in used]
    stopped = _judged(calls, *ask_together(*_needed_by(calls), writing=ledger.endings(ends)))
    ended = [end.instead(refusal) if refusal else end for end, refusal in zip(ends, stopped, strict=True)]
    run_together(ledger.endings(end for end, refusal in zip(ended, stopped, strict=True) if refusal))
    ledger.tell_ended(ended)
    return stopped


def _stopped_meanwhile(calls: Sequence[Admitted | None]) -> list[Refusal | None]:
    """Look again whether calls may go on.

    Returns:
        for each call the refusal, if its API key is no longer in force or stopped, or an integration or a secret of it
        is disabled or gone; None if it may, and for a call of None.
    """
    return _judged(calls, *ask_together(*_needed_by(calls)))


def _needed_by(calls: Iterable[Admitted | None]) -> tuple[Question[ApiKey], Question[Any], Question[Any]]:
    """Return the questions for the keys, integrations and secrets of calls; `_judged` judges the answers."""
    found = [call for call in calls if call]
    return (
        keys_with({key_id for call in found if (key_id := _key_of(call))}),
        _INTEGRATIONS.among({(link.id,) for call in found for link in call.links}),
        _SECRETS.among({(secret_id,) for call in found for secret_id in call.secret_ids}),
    )


def _judged(
    calls: Iterable[Admitted | None],
    keys: Iterable[ApiKey],
    integrations: Iterable[Any],
    secrets: Iterable[Any],
) -> list[Refusal | None]:
    keys_by_id, links_by_id = {key.id: key for key in keys}, {row.id: row for row in integrations}
    enabled, now = {row.id for row in secrets if row.enabled}, timezone.now()
    return [_stopped(call, keys_by_id, links_by_id, enabled, now) if call else None for call in calls]


def _stopped(
    call: Admitted,
    keys: Mapping[UUID, ApiKey],
    integrations: Mapping[UUID, Any],
    enabled: Collection[UUID],
    now: datetime,
) -> Refusal | None:
    key_id = _key_of(call)
    if key_id and (refusal := refusal_meanwhile(keys.get(key_id), now)):
        return refusal
    for link in call.links:
        row = integrations.get(link.id)
        if row is None or not row.enabled:
            return integration_disabled(row or link, meanwhile=True)
    for name, secret_id in zip(call.value_ids, call.secret_ids, strict=True):
        if secret_id not in enabled:
            return SecretDisabled(f"The secret {name} was disabled while the call was under way.")
    return None


def _key_of(call: Admitted) -> UUID | None:
    """Return the id of the API key or session that calls; None for other callers."""
    return call.actor.id if call.actor.kind is ActorKind.API_KEY else None


_COLUMNS = ("id", "name", "enabled", "disabled_at", "disabled_by", "disabled_why")
_INTEGRATIONS = CompiledQuery(lambda: Integration.objects.values_list(*_COLUMNS).filter(Among("pk")))
_SECRETS = CompiledQuery(lambda: Secret.objects.values_list("id", "enabled").filter(Among("pk")))

_ADMISSIONS = Batches(admit_all)
_ENDS = Batches(_finish_all)
AGAIN = Batches(_stopped_meanwhile)
"""Raises why an admitted call may not go on, if anything that it needs was stopped meanwhile."""


def _is_before_sending(refusal: Refusal) -> bool:
    """Return whether a refusal was raised before the first byte was sent.

    That holds for refusals of a value, of a resolved address, and because of a back-off.
    """
    return isinstance(refusal, EgressDenied | RateLimited) or refusal.status == 422  # noqa: PLR2004 - invalid_header_value and similar codes
