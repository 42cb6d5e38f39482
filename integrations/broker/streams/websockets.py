"""One run that is a WebSocket: admitted, checked, watched and recorded like any run whose answer flows."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from uuid import UUID

from integrations.broker.admission import Caller
from integrations.broker.ends import Course, under_way
from integrations.broker.mask_sets import MASK_SETS, WORKERS
from integrations.broker.preparation import Call
from integrations.broker.streams.flowing import begin, flowing, withheld_because
from integrations.broker.streams.relaying import CallerSocket, Ending, Relay
from integrations.broker.streams.socket_channel import SocketChannel
from integrations.exchange.messages import UpstreamResponse
from integrations.exchange.streams import Passed
from integrations.models import RunOutcome
from secrets_app.redaction.connections import ConnectionMask
from secrets_app.redaction.redactor import Reason, Redactor
from secrets_app.redaction.windows import StreamWithheld


@asynccontextmanager
async def open_websocket(
    caller: Caller, call: Call, passed: Passed, offered: Sequence[str]
) -> AsyncIterator["OpenedSocket"]:
    """Pass a handshake through, and give out what came of it. Whoever leaves the block ends the connection.

    Args:
        caller: as of `broker.run`.
        call: as of `broker.run`.
        passed: the headers that the caller sends along.
        offered: the sub-protocols that the caller offers, without its key.

    Raises:
        Refusal: as `streaming.open_stream`.
    """
    async with (
        under_way(caller, replace(call, streams=True)) as admitted,
        flowing(admitted, SocketChannel) as (course, channel),
    ):
        channel.offered = offered
        protocols = [("Sec-WebSocket-Protocol", item) for item in offered]
        head = await begin(course, channel, passed, more=protocols)
        yield await _masked(course, channel, head)


async def _masked(course: Course, channel: SocketChannel, head: UpstreamResponse) -> "OpenedSocket":
    """Return what came of the handshake, masked.

    Raises:
        AnswerWithheld: a value cannot be cut out of it, or it cannot be read.
    """
    admitted, organization = course.admitted, course.admitted.run.organization_id
    others = await MASK_SETS.get(organization, {admitted.run.host, *channel.hosts}, admitted.mask_stamp)
    redactor = Redactor(admitted.masked, channel.composites, others)
    parts = [head.body, head.reason, *chain.from_iterable(head.headers)]
    body, *rest = await WORKERS.run(organization, sum(map(len, parts)), partial(redactor.mask_all, parts))
    found = [part.withheld for part in (body, *rest) if part.withheld]
    if found or not head.readable:
        raise withheld_because(found[0] if found else Reason.ENCODING)
    try:
        ConnectionMask(redactor).check()
    except StreamWithheld as withheld:
        raise withheld_because(withheld.reason) from None
    texts = [part.text.decode("latin-1") for part in rest[1:]]
    headers = list(zip(texts[::2], texts[1::2], strict=True))
    return OpenedSocket(admitted.run.id, head.status or 0, headers, body.text, course, channel, redactor)


@dataclass(frozen=True, slots=True)
class OpenedSocket:
    """What came of a handshake, masked.

    Attributes:
        status: 101 if a WebSocket was opened.
        headers: all that the upstream sent, as Latin-1.
        body: of another answer.
    """

    run_id: UUID
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    _course: Course = field(repr=False)
    _channel: SocketChannel = field(repr=False)
    _redactor: Redactor = field(repr=False)

    @property
    def is_open(self) -> bool:
        """Whether messages can be passed on."""
        return self._channel.socket is not None

    @property
    def protocol(self) -> str | None:
        """The sub-protocol that the upstream chose, if it is one that the caller offered."""
        chosen = self._channel.socket.protocol if self._channel.socket else None
        return chosen if chosen in self._channel.offered else None

    async def answered(self) -> None:
        """Record the end of a run whose upstream opened no WebSocket.

        Raises:
            Refusal: the run was stopped meanwhile, so its answer is not given out.
        """
        self._course.admitted.trace.answer_bytes = len(self.body)
        await self._course.end(RunOutcome.UPSTREAM_ERROR, status=self.status)

    async def relay(self, caller: CallerSocket) -> Ending:
        """Pass messages on until the connection ends, and record that.

        Raises:
            Refusal: it was stopped, or a message cannot be passed on.
        """
        socket, course = self._channel.socket, self._course
        assert socket is not None  # noqa: S101 - see `is_open`
        relay = Relay(course.admitted, socket, caller, self._redactor, self._channel.deadlines)
        try:
            ending = await relay.until_the_end()
        except StreamWithheld as withheld:
            raise withheld_because(withheld.reason) from None
        course.admitted.trace.marks.append(("answered", time.monotonic()))
        await course.end(ending.outcome, code=ending.error_code, status=self.status)
        return ending
