"""Passing messages between a caller and an upstream, both ways at once, until one of them ends it.

A message goes on once it was masked or searched, and the next is taken once its receiver has taken it, so that whoever
sends faster waits.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from accounts.common.database import in_database
from integrations.broker.arguments import FEW_GUESSES, Guess, refuse
from integrations.broker.ends import CANCELLED
from integrations.broker.mask_sets import WORKERS
from integrations.broker.preparation import Admitted
from integrations.errors import InvalidArguments, ResponseTooLarge, ResponseUnreadable
from integrations.exchange.streams import Deadlines
from integrations.models import RunOutcome
from integrations.transport.websockets import TOO_BIG, UpstreamEnded, UpstreamSocket
from secrets_app.redaction.connections import ConnectionMask, ConnectionSearch, Message
from secrets_app.redaction.redactor import Redactor

MOST_BYTES = 1024 * 1024 * 1024
"""The limit of all messages of a connection, in either direction."""
HELD_SECONDS = 1.0
"""How long a message that may have the beginning of a value in it waits for the one that follows."""
LEFT_SECONDS = 1.0
"""How long it may take to hear why a caller has left to whom nothing can be sent any more."""
NORMAL, GOING_AWAY = 1000, 1001

_IN_A_MESSAGE = "A message contains the value of a secret, so the connection was closed."
_SENDABLE = {1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)}
_GONE = {1006, 1011, 1012}
"""The codes of callers that have not closed: lost, silent, or those of a server that stops."""


T = TypeVar("T")


class CallerLeft(Exception):  # noqa: N818 - every connection ends
    """The caller has closed the connection, or is gone."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__()
        self.code, self.reason = code, reason


class CallerSocket(Protocol):
    """The connection of a caller. Both methods raise CallerLeft."""

    async def receive(self) -> Message:
        """Return the next message."""
        ...

    async def send(self, message: Message) -> None:
        """Send a message; wait while the caller takes nothing in."""
        ...


class _Reached(Exception):  # noqa: N818 - a limit is no error
    """The connection has reached a limit of its own."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a connection has ended.

    Attributes:
        code, reason: what the caller is told, masked.
        error_code: why the run failed, if it did.
    """

    code: int
    reason: str
    outcome: RunOutcome = RunOutcome.SUCCEEDED
    error_code: str = ""


class Relay:
    """Passes the messages of one connection on."""

    def __init__(
        self,
        admitted: Admitted,
        upstream: UpstreamSocket,
        caller: CallerSocket,
        redactor: Redactor,
        deadlines: Deadlines,
    ) -> None:
        self._admitted, self._upstream, self._caller, self._redactor = admitted, upstream, caller, redactor
        self._mask, self._search = ConnectionMask(redactor), ConnectionSearch(redactor)
        self._deadlines, self._idle = deadlines, asyncio.timeout(None)
        admitted.trace.sent_bytes = admitted.trace.answer_bytes = 0

    async def until_the_end(self) -> Ending:
        """Pass messages on until the connection has ended.

        Raises:
            StreamWithheld: a message of the upstream cannot be passed on.
            ArgumentContainsSecret, InvalidArguments: one of the caller cannot.
        """
        total = asyncio.timeout(self._deadlines.total)
        self._idle = asyncio.timeout(self._deadlines.idle)
        try:
            async with total, self._idle:
                return await self._first_end()
        except TimeoutError:
            if total.expired():
                return await self._end_at(GOING_AWAY, f"The connection has lasted {self._deadlines.total:g} seconds.")
            if self._idle.expired():
                return await self._end_at(GOING_AWAY, f"There was no message for {self._deadlines.idle:g} seconds.")
            raise
        except _Reached:
            return await self._end_at(TOO_BIG, f"The messages have more than {MOST_BYTES} bytes together.")
        except CallerLeft as left:
            return await self._left(left)

    async def _first_end(self) -> Ending:
        to_caller = asyncio.create_task(self._to_caller())
        to_upstream = asyncio.create_task(self._to_upstream())
        try:
            await asyncio.wait({to_caller, to_upstream}, return_when=asyncio.FIRST_COMPLETED)
            if to_caller.done() and isinstance(to_caller.exception(), CallerLeft):
                await asyncio.wait({to_upstream}, timeout=LEFT_SECONDS)
            ended = [way for way in (to_upstream, to_caller) if way.done()]
            return next((way for way in ended if way.exception()), to_caller).result()
        finally:
            to_caller.cancel()
            to_upstream.cancel()
            await asyncio.gather(to_caller, to_upstream, return_exceptions=True)

    async def _end_at(self, code: int, reason: str) -> Ending:
        """End a connection that has reached a limit of its own, which is no failure of anybody."""
        await self._upstream.close(code, "")
        return Ending(code, reason)

    async def _to_caller(self) -> Ending:
        while True:
            try:
                message = await self._next()
            except UpstreamEnded as ended:
                await self._give(self._mask.end())
                return self._ended(ended)
            self._admitted.trace.answer_bytes = self._count(self._admitted.trace.answer_bytes, message)
            await self._give(await self._worked(message, partial(self._mask.feed, message)))

    async def _next(self) -> Message:
        """Return the upstream's next message; what is held back goes on if there is none for a while."""
        while True:
            try:
                async with asyncio.timeout(HELD_SECONDS if self._mask.is_holding else None):
                    return await self._upstream.receive()
            except TimeoutError:
                await self._give(self._mask.make_way())

    async def _give(self, messages: Sequence[Message]) -> None:
        for message in messages:
            await self._caller.send(message)

    async def _to_upstream(self) -> Ending:
        while True:
            message = await self._caller.receive()
            self._admitted.trace.sent_bytes = self._count(self._admitted.trace.sent_bytes, message)
            await self._check(message)
            try:
                await self._upstream.send(message)
            except UpstreamEnded:
                await asyncio.Event().wait()  # until the other way has given out what came before the end

    async def _check(self, message: Message) -> None:
        hits = await self._worked(message, partial(self._search.hits, message))
        if hits is None:
            raise InvalidArguments("A message could not be searched for secrets. Send fewer layers of encoding.")
        if hits:
            names = sorted({hit.name for hit in hits})
            is_large = (self._admitted.trace.sent_bytes or 0) > FEW_GUESSES
            guess = Guess(names, is_weak=not all(hit.is_strong for hit in hits), is_large=is_large)
            raise await in_database(partial(refuse, what=_IN_A_MESSAGE), self._admitted, guess)

    def _count(self, before: int | None, message: Message) -> int:
        """Return the bytes so far of one direction, and let the connection be idle for its whole time again."""
        self._idle.reschedule(asyncio.get_running_loop().time() + self._deadlines.idle)
        size = (before or 0) + len(message)
        if size > MOST_BYTES:
            raise _Reached
        return size

    async def _worked(self, message: Message, job: Callable[[], T]) -> T:
        """Mask or search a message, where its size says."""
        return await WORKERS.run(self._admitted.run.organization_id, len(message), job)

    def _ended(self, ended: UpstreamEnded) -> Ending:
        """Return the end that the upstream has made."""
        masked = self._redactor.mask_bytes(ended.reason.encode())
        reason = "" if masked.withheld else masked.text.decode("utf-8", "replace")
        if ended.is_closed:
            is_good = ended.code in {NORMAL, GOING_AWAY}
            return Ending(ended.code, reason, RunOutcome.SUCCEEDED if is_good else RunOutcome.UPSTREAM_ERROR)
        problem = ResponseTooLarge if ended.code == TOO_BIG else ResponseUnreadable
        return Ending(ended.code, reason, RunOutcome.FAILED, problem.code)

    async def _left(self, left: CallerLeft) -> Ending:
        """Tell the upstream that the caller has left, and why, and return that end."""
        reason = left.reason if self._search.hits(left.reason) == [] else ""
        await self._upstream.close(left.code if is_sendable(left.code) else NORMAL, reason)
        if left.code in _GONE:
            return Ending(left.code, "", RunOutcome.FAILED, CANCELLED)
        return Ending(left.code, "")


def is_sendable(code: int) -> bool:
    """Return whether a close frame may have this code (RFC 6455 section 7.4)."""
    return code in _SENDABLE
