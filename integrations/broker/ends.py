"""How runs begin and end: admitted together with others, and their ends recorded together with others."""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import nullcontext, suppress

from accounts.access.callers import CONCURRENT_CALLS
from accounts.common import observers
from accounts.common.database import Batches, in_background
from accounts.common.outages import as_refusal
from accounts.common.request_notes import NOTES, RUNS
from accounts.common.sql.compiled import ask_together, run_together
from accounts.errors import DatabaseUnavailable, RateLimited, Refusal
from integrations.broker import ledger
from integrations.broker.admission import INTERNAL_ERROR, Caller, admit_all
from integrations.broker.preparation import Admitted, Call
from integrations.budgets.spending import settling
from integrations.errors import EgressDenied
from integrations.figures.keeping import count_hours
from integrations.models import Run, RunOutcome
from integrations.stops.meanwhile import judged, needed_by, stopped_meanwhile

CANCELLED = "cancelled"
UNRECORDED = (
    "The database became unavailable during this run, so its end is not on record and its answer is not given out. It "
    "may have reached the upstream: look there before you repeat it."
)

logger = logging.getLogger(__name__)
run_lines = logging.getLogger(RUNS)


def unrecorded(fault: Exception, run: Run) -> Exception:
    """Return the refusal of a run that an outage of the database broke off, or another exception as it is."""
    refusal = as_refusal(fault)
    if isinstance(refusal, DatabaseUnavailable):
        refusal = DatabaseUnavailable(UNRECORDED)
        refusal.members["run_id"] = str(run.pk)
    return refusal


async def admit(caller: Caller, call: Call, trace: observers.RunTrace) -> Admitted:
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
    """

    def __init__(self, admitted: Admitted) -> None:
        self.admitted = admitted
        self.is_ended = False
        self._started = time.monotonic()

    @property
    def milliseconds(self) -> int:
        """How long it has taken."""
        return round((time.monotonic() - self._started) * 1000)

    async def end(self, outcome: RunOutcome, *, code: str = "", status: int | None = None) -> int:
        """Record the end, before the caller gets the last of the answer; return its milliseconds.

        Raises:
            Refusal: the run was stopped while it was under way, so its answer is not given out.
        """
        self.is_ended = True
        milliseconds = self.milliseconds
        await finish(self.admitted, outcome, milliseconds, code, status)
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
        outcome = RunOutcome.REFUSED if is_before_sending(fault) and not has_sent else RunOutcome.FAILED
        await self.end(outcome, code=fault.code, status=status if isinstance(status, int) else None)
        fault.members["run_id"] = str(self.admitted.run.id)


async def finish(
    admitted: Admitted, outcome: RunOutcome, duration_ms: int, error_code: str, status: int | None = None
) -> None:
    """Record the end of a run before the caller gets the response. A disconnect does not cancel the write.

    Raises:
        Refusal: the key, all agents, an integration or a secret of the run was stopped while it was under way
            (`stopped_meanwhile`), so its answer is not given out.
    """
    end = ledger.RunEnd(admitted.run, outcome, duration_ms, error_code, status, admitted.trace)
    used = None if outcome is RunOutcome.REFUSED else admitted
    ids = ledger.ids_of(admitted.run)
    try:
        with observers.step("record"):
            await _ENDS.ask((end, used))
    except Refusal as refusal:
        _log(ids, RunOutcome.FAILED, refusal.code, duration_ms, status)
        raise
    _log(ids, outcome, error_code, duration_ms, status)
    if ledger.hour_is_over(admitted.run.organization_id):
        in_background(count_hours, admitted.run.organization_id)


def _log(ids: dict[str, str], outcome: RunOutcome, code: str, duration_ms: int = 0, status: int | None = None) -> None:
    """Write the line of a run whose end is on record."""
    NOTES.get({}).update(ids)
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
    calls = [admitted.under_way if admitted and end.has_answer else None for end, admitted in used]
    stopped = judged(calls, *ask_together(*needed_by(calls), writing=ledger.endings(ends)))
    ended = [end.instead(refusal) if refusal else end for end, refusal in zip(ends, stopped, strict=True)]
    run_together(ledger.endings(end for end, refusal in zip(ended, stopped, strict=True) if refusal))
    ledger.tell_ended(ended)
    return stopped


_ADMISSIONS = Batches(admit_all)
_ENDS = Batches(_finish_all)
AGAIN = Batches(stopped_meanwhile)


def is_before_sending(refusal: Refusal) -> bool:
    """Return whether a refusal was raised before the first byte was sent.

    That holds for refusals of a value, of a resolved address, and because of a back-off.
    """
    return isinstance(refusal, EgressDenied | RateLimited) or refusal.status == 422  # noqa: PLR2004 - invalid_header_value and similar codes
