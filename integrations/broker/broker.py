"""One run from call to response (docs/concepts.md, "Runs"): admit, render, send, mask, record.

Runs are asynchronous: while it waits for the upstream, a run holds no thread, no transaction and no database
connection.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from accounts.access.callers import CONCURRENT_CALLS
from accounts.common import observers
from integrations.broker.admission import Caller
from integrations.broker.arguments import check_no_secret
from integrations.broker.channel import RunChannel
from integrations.broker.ends import AGAIN, Course, under_way
from integrations.broker.mask_sets import MASK_SETS, WORKERS
from integrations.broker.masking import Answer, mask_response
from integrations.broker.preparation import Admitted, Call
from integrations.broker.streams.watching import watched
from integrations.broker.telling import Tell, Telling
from integrations.broker.tokens.token_answers import as_response, in_words
from integrations.budgets.spending import metered_cost
from integrations.errors import TokenRefused
from integrations.exchange.messages import PreviewRequest, UpstreamResponse
from integrations.models import RunOutcome
from secrets_app.redaction.redactor import size_of_values


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
            "outcome": self.outcome,
            "status": self.answer.status,
            "headers": [{"name": name, "value": value} for name, value in self.answer.headers],
            "body": self.answer.body,
            "body_type": self.answer.body_type,
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


async def run(caller: Caller, call: Call, tell: Tell | None = None) -> RunResult:
    """Run an operation of an integration with the values of one environment.

    Args:
        caller: the actor, or the API key that the request presented.
        call: the integration, environment, operation and arguments.
        tell: is given the text of the answer piece by piece while it arrives, masked.

    Raises:
        Unauthenticated, AgentsStopped, AgentStopped: the API key is not valid, or stopped; nothing is recorded.
        NotFound, PermissionDenied: the caller may not run this integration here; nothing is recorded.
        RateLimited: the API key has reached a limit; nothing is recorded.
        Refusal: refused or failed, with a code of docs/api.md, "Errors", and `run_id` among its members.
    """
    async with under_way(caller, call) as admitted:
        course, links = Course(admitted), [link.id for link in admitted.links]
        channel = RunChannel.of(admitted, check_not_stopped=partial(AGAIN.ask, admitted))
        try:
            with CONCURRENT_CALLS.stoppable(admitted.actor, links):
                answer = await (_told(admitted, channel, tell) if tell else _send(admitted, channel))
        except BaseException as fault:
            await course.break_off(fault, has_sent=channel.has_sent)
            raise
        outcome = RunOutcome.SUCCEEDED if answer.succeeded else RunOutcome.UPSTREAM_ERROR
        duration_ms = await course.end(outcome, status=answer.status)
        shown = partial(admitted.exchange.preview, admitted.params)
        return RunResult(admitted.run.id, outcome, answer, duration_ms, shown)


async def _told(admitted: Admitted, channel: RunChannel, tell: Tell) -> Answer:
    """Return the answer after its text was told while it arrived, as long as the run was not stopped."""
    channel.on_text = Telling(admitted, channel, tell)
    async with watched(admitted):
        return await _send(admitted, channel)


async def _send(admitted: Admitted, channel: RunChannel) -> Answer:
    if admitted.params:
        await _check_arguments(admitted)
    try:
        with observers.step("upstream"):
            response = await admitted.exchange.perform(channel, secrets=admitted.secrets, params=admitted.params)
    except TokenRefused as refusal:
        raise await with_what_was_said(refusal, admitted, channel) from None
    if admitted.charge:
        admitted.trace.cost = await metered_cost(admitted.charge, response.body)
    return await _masked(admitted, channel, response)


async def with_what_was_said(refusal: TokenRefused, admitted: Admitted, channel: RunChannel) -> TokenRefused:
    """Return the refusal with what the token endpoint said, masked."""
    said = as_response(refusal)
    return in_words(refusal, await _masked(admitted, channel, said, refusal.host) if said else None)


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
    others = await MASK_SETS.get(admitted.run.organization_id, {admitted.run.host}, admitted.mask_stamp)
    await check_no_secret(admitted.params, admitted, others)
