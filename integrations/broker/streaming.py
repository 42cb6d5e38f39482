"""One run whose answer flows: admitted, checked and recorded like any run, and masked while it arrives.

What is given out was searched. The end of the run is on record before the answer ends for the caller; if it cannot be
recorded, or the run was stopped meanwhile, the answer breaks off instead.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from uuid import UUID

from integrations.broker.admission import Caller
from integrations.broker.ends import Course, under_way
from integrations.broker.mask_sets import MASK_SETS, WORKERS
from integrations.broker.masking import media_type_of
from integrations.broker.preparation import Admitted, Call
from integrations.broker.streams.channel import StreamingChannel
from integrations.broker.streams.flowing import begin, flowing, withheld_because
from integrations.broker.streams.slices import fed
from integrations.budgets.spending import metered_cost
from integrations.exchange.messages import RESPONSE_BYTES, UpstreamResponse
from integrations.exchange.streams import NOTHING, Passed
from integrations.models import RunOutcome
from secrets_app.redaction.redactor import Redactor
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
    async with (
        under_way(caller, replace(call, streams=True)) as admitted,
        flowing(admitted, StreamingChannel) as (course, channel),
    ):
        head = await begin(course, channel, passed)
        yield await _masked(course, channel, head)


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
