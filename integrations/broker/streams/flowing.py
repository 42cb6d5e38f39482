"""What runs whose answer flows have in common, be it a response or a WebSocket."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TypeVar, cast

from accounts.access.callers import CONCURRENT_CALLS
from accounts.common import observers
from accounts.errors import Refusal
from integrations.broker.arguments import check_no_secret
from integrations.broker.broker import with_what_was_said
from integrations.broker.ends import AGAIN, CANCELLED, Course
from integrations.broker.mask_sets import MASK_SETS
from integrations.broker.preparation import Admitted
from integrations.broker.streams.channel import StreamingChannel
from integrations.broker.streams.socket_channel import SocketChannel
from integrations.broker.streams.uploads import searched
from integrations.broker.streams.watching import watched
from integrations.errors import AnswerWithheld, InvalidArguments, TokenRefused
from integrations.exchange.exchange import Streamable
from integrations.exchange.messages import UpstreamResponse
from integrations.exchange.passed_headers import Header
from integrations.exchange.streams import Passed
from integrations.models import RunOutcome
from secrets_app.plaintext import is_short
from secrets_app.redaction.redactor import Reason, ValueSet

C = TypeVar("C", StreamingChannel, SocketChannel)


@asynccontextmanager
async def flowing(admitted: Admitted, kind: type[C]) -> AsyncIterator[tuple[Course, C]]:
    """Run the block, which passes an answer on, with a channel of its own. What stops the run breaks the block off.

    Raises:
        Refusal: as the one who stopped it said; and what the block raises, once that is on record.
    """
    course, links = Course(admitted), [link.pk for link in admitted.links]
    channel = kind.of(admitted, check_not_stopped=partial(AGAIN.ask, admitted))
    try:
        with CONCURRENT_CALLS.stoppable(admitted.actor, links):
            async with watched(admitted), channel:
                yield course, channel
                if not course.is_ended:
                    await course.end(RunOutcome.FAILED, code=CANCELLED, status=course.status)
    except BaseException as fault:
        if course.status and isinstance(fault, Refusal):
            fault.members.setdefault("upstream_status", course.status)
        await course.break_off(fault, has_sent=channel.has_sent)
        raise


async def begin(
    course: Course, channel: StreamingChannel | SocketChannel, passed: Passed, *, more: Iterable[Header] = ()
) -> UpstreamResponse:
    """Send the request, once nothing of it holds a value, and return the head of the response.

    Args:
        more: what else is sent and searched, as headers.
    """
    admitted = course.admitted
    others = await MASK_SETS.get(admitted.run.organization_id, {admitted.run.host}, admitted.mask_stamp)
    await _check(admitted, [*passed.headers, *more], others)
    if passed.upload and isinstance(channel, StreamingChannel):
        passed = replace(passed, upload=searched(passed.upload, admitted, channel, others))
    try:
        with observers.step("upstream"):
            exchange = cast("Streamable", admitted.exchange)
            head = await exchange.begin(channel, secrets=admitted.secrets, params=admitted.params, passed=passed)
    except TokenRefused as refusal:
        raise await with_what_was_said(refusal, admitted, channel) from None
    course.status, admitted.trace.first_byte_ms = head.status, course.milliseconds
    return head


async def _check(admitted: Admitted, headers: Sequence[Header], others: Sequence[ValueSet]) -> None:
    """Refuse what cannot be masked or searched, and arguments and headers that contain the value of a secret."""
    if any(map(is_short, admitted.masked.values())):
        raise withheld_because(Reason.SHORT_VALUE)
    if any(name.lower() == "content-encoding" and value.lower() != "identity" for name, value in headers):
        raise InvalidArguments("Send the body without Content-Encoding, so that it can be searched for secrets.")
    await check_no_secret({**admitted.params, "headers": headers}, admitted, others)


def withheld_because(reason: Reason) -> AnswerWithheld:
    """Return the refusal of an answer that cannot be passed on."""
    refusal = AnswerWithheld(reason.sentence)
    refusal.members["withheld"] = reason.as_json()
    return refusal
