"""One run whose answer flows: admitted, checked and recorded like any run, and masked while it arrives.

What is given out was searched. The end of the run is on record before the answer ends for the caller; if it cannot be
recorded, or the run was stopped meanwhile, the answer breaks off instead.
"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import cast
from uuid import UUID

from django.db import Error

from accounts.access.callers import CONCURRENT_CALLS
from accounts.common import observers
from accounts.common.database import in_database
from accounts.common.request_notes import REQUEST_ID
from accounts.errors import Refusal
from integrations.broker.admission import Caller
from integrations.broker.arguments import find_secret, refuse, size_of
from integrations.broker.broker import with_what_was_said
from integrations.broker.ends import AGAIN, CANCELLED, Course, admit, unrecorded
from integrations.broker.mask_sets import MASK_SETS, WORKERS
from integrations.broker.masking import media_type_of
from integrations.broker.preparation import Admitted, Call
from integrations.broker.streams.channel import StreamingChannel
from integrations.broker.streams.slices import fed
from integrations.broker.streams.uploads import searched
from integrations.broker.streams.watching import watched
from integrations.budgets.spending import metered_cost
from integrations.errors import AnswerWithheld, InvalidArguments, TokenRefused
from integrations.exchange.exchange import Streamable
from integrations.exchange.messages import RESPONSE_BYTES, UpstreamResponse
from integrations.exchange.streams import NOTHING, Passed
from integrations.models import RunOutcome
from secrets_app.plaintext import is_short
from secrets_app.redaction.redactor import Reason, Redactor, ValueSet, size_of_values
from secrets_app.redaction.streams import StreamMask, StreamWithheld

_BODILESS = {204, 304}


@asynccontextmanager
async def open_stream(caller: Caller, call: Call, passed: Passed = NOTHING) -> AsyncIterator["Stream"]:
    """Run an operation and give out its answer as it arrives. Whoever leaves the block ends the call.

    Args:
        caller: as of `broker.run`.
        call: as of `broker.run`.
        passed: the headers and the body that the caller sends along, for a request that is passed through.

    Raises:
        Refusal: as `broker.run`; also StreamNotPossible, ApprovalNotPossible, PathNotAllowed and AnswerWithheld.
    """
    with observers.step("run"):
        trace = observers.RunTrace([("", time.monotonic())], request_id=REQUEST_ID.get())
        observers.TRACE.set(trace)
        admitted = await admit(caller, replace(call, streams=True), trace)
        try:
            async with _flowing(admitted, passed) as stream:
                yield stream
        except Error as fault:
            raise unrecorded(fault, admitted.run)  # noqa: B904 - an exception that is no outage stays as it is
        finally:
            CONCURRENT_CALLS.release(admitted.actor)


@asynccontextmanager
async def _flowing(admitted: Admitted, passed: Passed) -> AsyncIterator["Stream"]:
    course, links = Course(admitted), [link.pk for link in admitted.links]
    channel = StreamingChannel.of(admitted, check_not_stopped=partial(AGAIN.ask, admitted))
    head: UpstreamResponse | None = None
    try:
        async with CONCURRENT_CALLS.stoppable(admitted.actor, links), watched(admitted), channel:
            head = await _begun(admitted, channel, passed)
            admitted.trace.first_byte_ms = course.milliseconds
            yield await _masked(course, channel, head)
            if not course.is_ended:
                await course.end(RunOutcome.FAILED, code=CANCELLED, status=head.status)
    except BaseException as fault:
        if head and isinstance(fault, Refusal):
            fault.members.setdefault("upstream_status", head.status)
        await course.break_off(fault, has_sent=channel.has_sent)
        raise


async def _begun(admitted: Admitted, channel: StreamingChannel, passed: Passed) -> UpstreamResponse:
    """Send the request, once nothing of it holds a value, and return the head of the response."""
    others = await MASK_SETS.get(admitted.run.organization_id, {admitted.run.host}, admitted.mask_stamp)
    await check_passed(admitted, passed, others)
    if passed.upload:
        passed = replace(passed, upload=searched(passed.upload, admitted, channel, others))
    try:
        with observers.step("upstream"):
            exchange = cast("Streamable", admitted.exchange)
            return await exchange.begin(channel, secrets=admitted.secrets, params=admitted.params, passed=passed)
    except TokenRefused as refusal:
        raise await with_what_was_said(refusal, admitted, channel) from None


async def check_passed(admitted: Admitted, passed: Passed, others: Sequence[ValueSet]) -> None:
    """Refuse what cannot be masked or searched, and arguments and headers that contain the value of a secret."""
    if any(map(is_short, admitted.masked.values())):
        raise withheld_because(Reason.SHORT_VALUE)
    if any(name.lower() == "content-encoding" and value.lower() != "identity" for name, value in passed.headers):
        raise InvalidArguments("Send the body without Content-Encoding, so that it can be searched for secrets.")
    given = {**admitted.params, "headers": [list(header) for header in passed.headers]}
    size = size_of(given) + size_of_values(admitted.masked)
    search = partial(find_secret, given, admitted.masked, others)
    if guess := await WORKERS.run(admitted.run.organization_id, size, search):
        raise await in_database(refuse, admitted, guess)


async def _masked(course: Course, channel: StreamingChannel, head: UpstreamResponse) -> "Stream":
    """Return the answer with its head masked.

    Raises:
        AnswerWithheld: the head holds a value that cannot be cut out, or the body cannot be read.
    """
    admitted = course.admitted
    organization = admitted.run.organization_id
    others = await MASK_SETS.get(organization, {admitted.run.host, *channel.hosts}, admitted.mask_stamp)
    redactor = Redactor(admitted.masked, channel.composites, others)
    parts = [head.reason, *chain.from_iterable(head.headers)]
    mask = partial(redactor.mask_all, parts)
    reason, *masked = await WORKERS.run(organization, sum(map(len, parts)), mask)
    found = [part.withheld for part in (reason, *masked) if part.withheld]
    if channel.response and channel.response.withheld and not _is_bodiless(admitted, head):
        found.append(channel.response.withheld)
    if found:
        raise withheld_because(found[0])
    texts = [part.text.decode("latin-1") for part in masked]
    stream = Stream(course, channel, head, list(zip(texts[::2], texts[1::2], strict=True)), redactor)
    stream.found_in_head = frozenset().union(*(part.found for part in (reason, *masked)))
    if not _is_bodiless(admitted, head):
        stream.check()
    return stream


def _is_bodiless(admitted: Admitted, head: UpstreamResponse) -> bool:
    return head.status in _BODILESS or admitted.params.get("method") == "HEAD"


def withheld_because(reason: Reason) -> AnswerWithheld:
    """Return the refusal of an answer that cannot be passed on."""
    refusal = AnswerWithheld(reason.sentence)
    refusal.members["withheld"] = reason.as_json()
    return refusal


class Stream:
    """An answer that flows, masked.

    Attributes:
        headers: all that the upstream sent, masked, as Latin-1.
        idle_seconds: how long a piece may wait for whoever takes it.
        found_in_head: the names of the secrets whose values the head held.
    """

    def __init__(
        self,
        course: Course,
        channel: StreamingChannel,
        head: UpstreamResponse,
        headers: list[tuple[str, str]],
        redactor: Redactor,
    ) -> None:
        self.run_id: UUID = course.admitted.run.id
        self.headers = headers
        self.found_in_head: frozenset[str] = frozenset()
        self.idle_seconds = channel.deadlines.idle
        self._course, self._channel, self._head = course, channel, head
        self._mask = StreamMask(redactor, self.media_type)

    @property
    def status(self) -> int:
        """The status of the upstream."""
        return self._head.status or 0

    @property
    def outcome(self) -> RunOutcome:
        """How the run ends if the answer arrives whole."""
        return RunOutcome.SUCCEEDED if self._head.is_success else RunOutcome.UPSTREAM_ERROR

    @property
    def milliseconds(self) -> int:
        """How long the run has taken so far."""
        return self._course.milliseconds

    @property
    def media_type(self) -> str | None:
        """What the upstream says in Content-Type."""
        return next((value for name, value in self.headers if name.lower() == "content-type"), None)

    @property
    def media_type_alone(self) -> str | None:
        """The media type in lower case without its parameters; None if there is none."""
        return media_type_of(self.headers)

    @property
    def shown_headers(self) -> list[tuple[str, str]]:
        """The headers for people and JSON, read as UTF-8 as those of a run are."""
        return [(_as_utf8(name), _as_utf8(value)) for name, value in self.headers]

    @property
    def found(self) -> list[str]:
        """The names of the secrets whose values were found so far."""
        return sorted(self.found_in_head | self._mask.found)

    def check(self) -> None:
        """Check that the body may be masked at all.

        Raises:
            AnswerWithheld: it may not, whatever it is.
        """
        try:
            self._mask.check()
        except StreamWithheld as withheld:
            raise withheld_because(withheld.reason) from None

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the masked body, and record the end of the run before its last piece.

        Raises:
            Refusal: it breaks off here.
        """
        response = self._channel.response
        assert response is not None  # noqa: S101 - there is a head
        kept = _Metered(self._course.admitted)
        async for piece in response.pieces():
            kept.add(piece)
            masked = await _fed(self._mask, piece)
            self._course.admitted.trace.answer_bytes = response.received
            if masked:
                yield masked
        last = _end(self._mask)
        await self._record(kept)
        if last:
            yield last

    async def _record(self, kept: "_Metered") -> None:
        admitted = self._course.admitted
        moment = time.monotonic()
        admitted.trace.marks += [("answered", moment), ("masked", moment)]  # it was masked as it arrived
        if admitted.charge:
            admitted.trace.cost = await metered_cost(admitted.charge, bytes(kept.body))
        await self._course.end(self.outcome, status=self._head.status)


class _Metered:
    """The body of an answer that tells what the call cost: its last part, where a stream does."""

    def __init__(self, admitted: Admitted) -> None:
        self.body = bytearray()
        self._most = RESPONSE_BYTES if admitted.charge and admitted.charge.metered else 0

    def add(self, piece: bytes) -> None:
        """Keep a piece, and of all that was kept as much as an answer may have."""
        if self._most:
            self.body += piece
            del self.body[: -self._most]


def _as_utf8(text: str) -> str:
    return text.encode("latin-1").decode("utf-8", "replace")


async def _fed(mask: StreamMask, piece: bytes) -> bytes:
    try:
        return await fed(mask, piece)
    except StreamWithheld as withheld:
        raise withheld_because(withheld.reason) from None


def _end(mask: StreamMask) -> bytes:
    try:
        return mask.end()
    except StreamWithheld as withheld:
        raise withheld_because(withheld.reason) from None
