"""One run from call to answer (docs/concepts.md, "Runs"): admit, render, send, mask, record.

Asynchronous: while the upstream takes its time, a run holds no thread, no transaction and no database connection.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from django.db import DatabaseError

from accounts.access.callers import CONCURRENT_CALLS
from accounts.common.database import Batches
from accounts.errors import RateLimited, Refusal
from integrations.broker import ledger
from integrations.broker.admission import INTERNAL_ERROR, Admitted, Caller, admit_all
from integrations.broker.channel import RunChannel
from integrations.broker.masking import Answer, mask_response
from integrations.broker.preparation import Call
from integrations.errors import EgressDenied
from integrations.exchange.messages import PreviewRequest
from integrations.models import RunOutcome

CANCELLED = "cancelled"
MASKED_INLINE_BYTES = 64 * 1024

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunResult:
    """A run that reached the upstream, with every secret value masked."""

    run_id: UUID
    outcome: RunOutcome
    answer: Answer
    duration_ms: int
    _preview: Callable[[], PreviewRequest | None] = field(repr=False)

    @property
    def request(self) -> PreviewRequest | None:
        """What was sent, for people, every value masked."""
        return self._preview()

    def as_json(self) -> dict[str, Any]:
        """The answer of `POST /integrations/{id}/run` (docs/api.md, "Running")."""
        return {
            "run_id": str(self.run_id),
            "outcome": self.outcome.value,
            "status": self.answer.status,
            "headers": [{"name": name, "value": value} for name, value in self.answer.headers],
            "body": self.answer.body,
            "body_type": self.answer.body_type.value,
            "masked": self.answer.masked,
            "duration_ms": self.duration_ms,
        }


async def run(caller: Caller, call: Call) -> RunResult:
    """Make the call that an integration describes, with the values of one environment.

    Raises:
        Unauthenticated: the API key is not valid; nothing is recorded.
        NotFound, PermissionDenied: the caller may not run this integration here; nothing is recorded.
        RateLimited: its API key makes as many calls as it may; nothing is recorded.
        Refusal: refused or failed, with a code of docs/api.md, "Errors", and `run_id` among its members.
    """
    admitted = await _admit(caller, call)
    try:
        return await _run(admitted)
    finally:
        CONCURRENT_CALLS.release(admitted.actor)


async def _run(admitted: Admitted) -> RunResult:
    started = time.monotonic()
    line = RunChannel(admitted.run.organization_id, admitted.run.integration_id, admitted.value_ids, admitted.domains)
    try:
        answer = await _send(admitted, line)
    except Refusal as refusal:
        outcome = RunOutcome.REFUSED if _nothing_left(refusal) and not line.has_sent else RunOutcome.FAILED
        await _finish(admitted, outcome, _elapsed(started), refusal.code)
        refusal.members["run_id"] = str(admitted.run.id)
        raise
    except BaseException as fault:  # whatever happens, the caller leaving or a fault of ours, the record gets its end
        code = CANCELLED if isinstance(fault, asyncio.CancelledError) else INTERNAL_ERROR
        await _finish(admitted, RunOutcome.FAILED, _elapsed(started), code)
        raise
    outcome = RunOutcome.SUCCEEDED if answer.succeeded else RunOutcome.UPSTREAM_ERROR
    duration_ms = _elapsed(started)
    await _finish(admitted, outcome, duration_ms, "", answer.status)
    shown = partial(admitted.exchange.preview, admitted.params)
    return RunResult(admitted.run.id, outcome, answer, duration_ms, shown)


async def _admit(caller: Caller, call: Call) -> Admitted:
    """The admitted call. A caller who leaves meanwhile leaves nothing behind."""
    job = _ADMISSIONS.ask((caller, call))
    try:
        return await asyncio.shield(job)
    except asyncio.CancelledError:
        await asyncio.shield(asyncio.create_task(_abandon(job)))
        raise


async def _abandon(job: "asyncio.Future[Admitted]") -> None:
    """Give back the slot of a call that nobody waits for, and end its record, which would say `started` for ever."""
    with suppress(Refusal):
        admitted = await job
        CONCURRENT_CALLS.release(admitted.actor)
        await _ENDS.ask((ledger.RunEnd(admitted.run, RunOutcome.FAILED, 0, CANCELLED), None))


async def _send(admitted: Admitted, line: RunChannel) -> Answer:
    response = await admitted.exchange.perform(line, secrets=admitted.secrets, params=admitted.params)
    if len(response.body) <= MASKED_INLINE_BYTES:
        return mask_response(response, admitted.secrets, line.composites)
    return await asyncio.to_thread(mask_response, response, admitted.secrets, line.composites)  # others go on meanwhile


async def _finish(
    admitted: Admitted, outcome: RunOutcome, duration_ms: int, error_code: str, status: int | None = None
) -> None:
    """Have the end recorded; the caller has no answer before. Somebody who leaves meanwhile does not stop it."""
    end = ledger.RunEnd(admitted.run, outcome, duration_ms, error_code, status)
    used = None if outcome is RunOutcome.REFUSED else admitted
    await _ENDS.ask((end, used))


def _finish_all(ends: Sequence[tuple[ledger.RunEnd, Admitted | None]]) -> list[None]:
    """Record ends; stamp what the admitted calls among them used."""
    ledger.finish_all([end for end, _ in ends])
    try:
        for _, used in ends:
            if used:
                ledger.stamp_now_and_then(used.secret_ids, used.links)
    except DatabaseError as fault:  # the calls were made and are on record: their callers get their answers
        logger.warning("the last use of secrets was not noted: %s", type(fault).__name__)
    return [None] * len(ends)


_ADMISSIONS = Batches(admit_all)
_ENDS = Batches(_finish_all)


def _nothing_left(refusal: Refusal) -> bool:
    """Refusals about the value itself, the resolved address or a pause come before the first byte leaves."""
    return isinstance(refusal, EgressDenied | RateLimited) or refusal.status == 422  # noqa: PLR2004 - invalid_header_value and its kin


def _elapsed(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
