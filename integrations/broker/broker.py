"""One run from call to response (docs/concepts.md, "Runs"): admit, render, send, mask, record.

Runs are asynchronous: while it waits for the upstream, a run holds no thread, no transaction and no database
connection.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from uuid import UUID

from django.db import DatabaseError, Error

from accounts.access.callers import CONCURRENT_CALLS
from accounts.common import observers
from accounts.common.compiled_queries import ask_together
from accounts.common.database import Batches, in_background, in_database
from accounts.common.outages import as_refusal
from accounts.common.request_notes import NOTES, REQUEST_ID, RUNS
from accounts.common.round_trips import run_together
from accounts.errors import DatabaseUnavailable, RateLimited, Refusal
from integrations.broker import ledger
from integrations.broker.admission import INTERNAL_ERROR, Caller, admit_all
from integrations.broker.arguments import find_secret, refuse, size_of
from integrations.broker.channel import RunChannel
from integrations.broker.mask_sets import MASK_SETS, WORKERS
from integrations.broker.masking import Answer, mask_response
from integrations.broker.preparation import Admitted, Call
from integrations.broker.tokens.token_answers import as_response, in_words
from integrations.budgets.spending import metered_cost, settling
from integrations.errors import EgressDenied, TokenRefused
from integrations.exchange.messages import PreviewRequest, UpstreamResponse
from integrations.figures.keeping import count_hours
from integrations.models import Run, RunOutcome
from integrations.stops.meanwhile import UnderWay, judged, needed_by, stopped_meanwhile
from secrets_app.redaction.redactor import size_of_values

CANCELLED = "cancelled"
UNRECORDED = (
    "The database became unavailable during this run, so its end is not on record and its answer is not given out. It "
    "may have reached the upstream: look there before you repeat it."
)

logger = logging.getLogger(__name__)
run_lines = logging.getLogger(RUNS)


@dataclass(frozen=True, slots=True)
class RunResult:
    """The result of a run that reached the upstream, with every secret value masked."""

    run_id: UUID
    outcome: RunOutcome
    answer: Answer
    duration_ms: int
    _preview: Callable[[], PreviewRequest | None] = field(repr=False)

    @property
    def request(self) -> PreviewRequest | None:
        """The request that was sent, with every value masked; None if the exchange has no preview."""
        return self._preview()

    def as_json(self) -> dict[str, Any]:
        """Return the response of `POST /integrations/{id}/run` (docs/api.md, "Running"), for `text_of`."""
        return {
            "run_id": str(self.run_id),
            "outcome": self.outcome.value,
            "status": self.answer.status,
            "headers": [{"name": name, "value": value} for name, value in self.answer.headers],
            "body": self.answer.body,
            "body_type": self.answer.body_type.value,
            "media_type": self.answer.media_type,
            "masked": self.answer.masked,
            "withheld": self.answer.withheld and self.answer.withheld.as_json(),
            "duration_ms": self.duration_ms,
        }

    def text_of(self, members: dict[str, Any], *, is_ascii: bool = True) -> str:
        """Return members of `as_json` as JSON, with the numbers of the body as the upstream wrote them."""
        if not self.answer.written:
            return json.dumps(members, ensure_ascii=is_ascii)
        others = json.dumps({name: members[name] for name in members if name != "body"}, ensure_ascii=is_ascii)
        return f'{others[:-1]}, "body": {self.answer.written}}}'


async def run(caller: Caller, call: Call) -> RunResult:
    """Run an operation of an integration with the values of one environment.

    Args:
        caller: the actor, or the API key that the request presented.
        call: the integration, environment, operation and arguments.

    Raises:
        Unauthenticated, AgentsStopped, AgentStopped: the API key is not valid, or stopped; nothing is recorded.
        NotFound, PermissionDenied: the caller may not run this integration here; nothing is recorded.
        RateLimited: the API key has reached a limit; nothing is recorded.
        Refusal: refused or failed, with a code of docs/api.md, "Errors", and `run_id` among its members.
    """
    with observers.step("run"):
        is_trial = call.staged is not None
        trace = observers.RunTrace([("", time.monotonic())], request_id=REQUEST_ID.get(), is_trial=is_trial)
        observers.TRACE.set(trace)
        admitted = await _admit(caller, call, trace)
        try:
            return await _run(admitted)
        except Error as fault:
            raise _unrecorded(fault, admitted.run)  # noqa: B904 - an exception that is no outage stays as it is
        finally:
            CONCURRENT_CALLS.release(admitted.actor)


async def _run(admitted: Admitted) -> RunResult:
    started = time.monotonic()
    run, links = admitted.run, [link.pk for link in admitted.links]
    channel = RunChannel(
        run.organization_id,
        run.integration_id,
        run.environment,
        admitted.value_ids,
        admitted.domains,
        check_not_stopped=partial(_AGAIN.ask, admitted.under_way),
    )
    try:
        async with CONCURRENT_CALLS.stoppable(admitted.actor, links):
            answer = await _send(admitted, channel)
    except Refusal as refusal:
        admitted.trace.marks.append((ledger.STOPPED, time.monotonic()))
        outcome = RunOutcome.REFUSED if _is_before_sending(refusal) and not channel.has_sent else RunOutcome.FAILED
        status = refusal.members.get("upstream_status")
        await _finish(admitted, outcome, _elapsed(started), refusal.code, status if isinstance(status, int) else None)
        refusal.members["run_id"] = str(admitted.run.id)
        raise
    except BaseException as fault:  # always close the run record, even on disconnect or crash
        admitted.trace.marks.append((ledger.STOPPED, time.monotonic()))
        code = CANCELLED if isinstance(fault, asyncio.CancelledError) else INTERNAL_ERROR
        await _finish(admitted, RunOutcome.FAILED, _elapsed(started), code)
        raise
    outcome = RunOutcome.SUCCEEDED if answer.succeeded else RunOutcome.UPSTREAM_ERROR
    duration_ms = _elapsed(started)
    await _finish(admitted, outcome, duration_ms, "", answer.status)
    shown = partial(admitted.exchange.preview, admitted.params)
    return RunResult(admitted.run.id, outcome, answer, duration_ms, shown)


def _unrecorded(fault: Exception, run: Run) -> Exception:
    """Return the refusal of a run that an outage of the database broke off, or another exception as it is."""
    refusal = as_refusal(fault)
    if isinstance(refusal, DatabaseUnavailable):
        refusal = DatabaseUnavailable(UNRECORDED)
        refusal.members["run_id"] = str(run.pk)
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


async def _send(admitted: Admitted, channel: RunChannel) -> Answer:
    await _check_arguments(admitted)
    try:
        with observers.step("upstream"):
            response = await admitted.exchange.perform(channel, secrets=admitted.secrets, params=admitted.params)
    except TokenRefused as refusal:
        said = as_response(refusal)
        masked = await _masked(admitted, channel, said, refusal.host) if said else None
        raise in_words(refusal, masked) from None
    if admitted.charge:
        admitted.trace.cost = await metered_cost(admitted.charge, response.body)
    return await _masked(admitted, channel, response)


async def _masked(admitted: Admitted, channel: RunChannel, response: UpstreamResponse, *hosts: str) -> Answer:
    """Return the masked response; `hosts` may hold values that other runs sent there, beside those that were called."""
    organization, masked = admitted.run.organization_id, admitted.masked
    others = await MASK_SETS.get(organization, {admitted.run.host, *channel.hosts, *hosts}, admitted.mask_stamp)
    mask = partial(
        mask_response, response, masked, channel.composites, others,
        deadline=channel.deadline, returns=admitted.exchange.returns,
    )  # fmt: skip
    admitted.trace.answer_bytes = len(response.body)
    with observers.step("masking"):
        answer = await WORKERS.run(organization, len(response.body) + size_of_values(masked), mask)
    admitted.trace.marks.append(("masked", time.monotonic()))
    return answer


async def _check_arguments(admitted: Admitted) -> None:
    """Refuse arguments that contain the value of a secret, before anything is sent."""
    if not admitted.params:
        return
    organization, masked, params = admitted.run.organization_id, admitted.masked, admitted.params
    others = await MASK_SETS.get(organization, {admitted.run.host}, admitted.mask_stamp)
    size = size_of(params) + size_of_values(masked)
    guess = await WORKERS.run(organization, size, partial(find_secret, params, masked, others))
    if guess:
        raise await in_database(refuse, admitted, guess)


async def _finish(
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
    calls = [used.under_way if used and end.has_answer else None for end, used in ends]
    moment = time.monotonic()
    for end, _ in ends:
        end.trace.marks.append(("recorded", moment))
    charged = [(used.charge, end.trace.cost) for end, used in ends if used and used.charge]
    with settling(charged) if charged else nullcontext():
        stopped = _record_all([end for end, _ in ends], calls)
    _stamp(ends)
    return stopped


def _record_all(ends: Sequence[ledger.RunEnd], calls: Sequence[UnderWay | None]) -> list[Refusal | None]:
    """Record the ends of runs, and look in the same round trip whether their calls were stopped meanwhile."""
    stopped = judged(calls, *ask_together(*needed_by(calls), writing=ledger.endings(ends)))
    ended = [_refused(end, refusal) for end, refusal in zip(ends, stopped, strict=True)]
    run_together(ledger.endings(end for end, refusal in zip(ended, stopped, strict=True) if refusal))
    ledger.tell_ended(ended)
    return stopped


def _stamp(ends: Sequence[tuple[ledger.RunEnd, Admitted | None]]) -> None:
    try:
        for run in (used for _, used in ends if used):
            ledger.stamp_unless_recent(run.secret_ids, run.links)
    except DatabaseError as fault:  # the runs succeeded and are recorded
        logger.warning("the last use of secrets was not recorded: %s", type(fault).__name__)


def _refused(end: ledger.RunEnd, refusal: Refusal | None) -> ledger.RunEnd:
    if refusal is None:
        return end
    refusal.members["run_id"] = str(end.run.pk)
    return replace(end, outcome=RunOutcome.FAILED, error_code=refusal.code)


_ADMISSIONS = Batches(admit_all)
_ENDS = Batches(_finish_all)
_AGAIN = Batches(stopped_meanwhile)


def _is_before_sending(refusal: Refusal) -> bool:
    """Return whether a refusal was raised before the first byte was sent.

    That holds for refusals of a value, of a resolved address, and because of a back-off.
    """
    return isinstance(refusal, EgressDenied | RateLimited) or refusal.status == 422  # noqa: PLR2004 - invalid_header_value and similar codes


def _elapsed(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
