"""Sending a request and receiving its response piece by piece, under the rules of `client.send`.

Head, address, TLS and headers are judged as for every request. What differs: the body of the request may be a stream,
the body of the response is given out as it arrives and has no limit of size, and there are three limits of time
(`Deadlines`). Only as much is read as is taken: neither side's pieces are collected. Whoever leaves the block ends the
call; a connection that is still in use by then is closed at once.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from accounts.errors import Refusal
from integrations.egress.lookups import Lookup, system_lookup
from integrations.egress.policy import EgressPolicy
from integrations.errors import ResponseUnreadable, UpstreamTimeout
from integrations.exchange.messages import OutgoingRequest
from integrations.exchange.streams import Deadlines, Upload
from integrations.transport.client import begin, check_request, codings_of
from integrations.transport.connections import JudgedConnector, Owner, connector_for
from integrations.transport.failures import refusal_for
from integrations.transport.inflating import Inflating, can_inflate
from integrations.transport.reception import Response
from secrets_app.redaction.redactor import Reason

PIECE_BYTES = 128 * 1024
"""About how much of a response is taken in before somebody takes it; at most twice as much waits."""

_STATUSES = range(200, 600)


@asynccontextmanager
async def streamed(
    request: OutgoingRequest,
    policy: EgressPolicy,
    *,
    ssl_context: ssl.SSLContext,
    deadlines: Deadlines,
    upload: Upload | None = None,
    owner: Owner | None = None,
    lookup: Lookup = system_lookup,
) -> AsyncIterator["StreamedResponse"]:
    """Send a request and return its response once its head has arrived.

    Args:
        request: its `body` is None where there is an upload; its `timeout_seconds` and `most_bytes` do not count.
        upload: the body. An exception that its pieces raise is raised here, too.
        owner: as of `client.send`.

    Raises:
        InvalidHeaderValue, InvalidUrl, EgressDenied: the request may not be sent.
        UpstreamUnreachable, UpstreamTls, UpstreamTimeout, ResponseTooLarge, ResponseUnreadable: there is no response.
        UpstreamTimeout: in the block, when the total time is over.
    """
    origin = check_request(request, policy, ssl_context)
    sending = _Sending(upload) if upload else None
    async with connector_for(origin, policy, ssl_context, lookup, owner) as connector:
        try:
            async with asyncio.timeout(deadlines.total) as whole:
                answer = await _begun(connector, request, sending, deadlines)
                try:
                    yield StreamedResponse(answer, request, sending, deadlines)
                finally:
                    answer.leave()
        except TimeoutError:
            if not whole.expired():
                raise
            raise UpstreamTimeout(f"The call of {request.url.raw_host} took longer than its total time.") from None


async def _begun(
    connector: JudgedConnector, request: OutgoingRequest, sending: "_Sending | None", deadlines: Deadlines
) -> Response:
    """Send the request, and return the response when its head has arrived.

    Raises:
        Refusal: as `streamed`.
    """
    try:
        async with asyncio.timeout(deadlines.first_byte) as waiting:
            if sending:
                sending.postpone(waiting, deadlines.first_byte)
            pieces, length = (sending.pieces(), sending.length) if sending else (None, None)
            answer = await begin(connector, request, read_ahead=PIECE_BYTES, pieces=pieces, length=length)
    except Exception as error:  # broad, because any exception of a library could quote the request
        raise _cause(error, request, sending, has_begun=False) from None
    if answer.status not in _STATUSES:
        answer.leave()
        raise ResponseUnreadable(f"{request.url.raw_host} answered with a status that is none of a response.")
    if answer.protocol is not None:
        answer.protocol.allow_stream()
    return answer


def _cause(error: Exception, request: OutgoingRequest, sending: "_Sending | None", *, has_begun: bool) -> Exception:
    """Return what to raise for an error: what stopped the upload, if that is behind it."""
    if sending and sending.fault:
        return sending.fault
    return error if isinstance(error, Refusal) else refusal_for(error, request, has_begun=has_begun)


class _Sending:
    """An upload on its way."""

    def __init__(self, upload: Upload) -> None:
        self.length = upload.length
        self.fault: Exception | None = None
        self.is_done = False
        self._source = upload.pieces
        self._waiting: asyncio.Timeout | None = None
        self._seconds = 0.0

    def postpone(self, waiting: asyncio.Timeout | None, seconds: float) -> None:
        """Give the wait for the response this many seconds more after each piece."""
        self._waiting, self._seconds = waiting, seconds

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the pieces, and note how the upload ends."""
        try:
            async for piece in self._source:
                yield piece
                if self._waiting and not self._waiting.expired():
                    self._waiting.reschedule(asyncio.get_running_loop().time() + self._seconds)
            self.is_done = True
        except Exception as fault:
            self.fault = fault
            raise


class StreamedResponse:
    """A response whose head has arrived.

    Attributes:
        head: with an empty body.
        withheld: why the body cannot be read; None if it can.
        received: the bytes of the body so far, as they arrived.
    """

    def __init__(
        self, answer: Response, request: OutgoingRequest, sending: _Sending | None, deadlines: Deadlines
    ) -> None:
        self._answer, self._request, self._sending, self._deadlines = answer, request, sending, deadlines
        self._codings = codings_of(answer.raw_headers)
        self.head = answer.received()
        self.withheld = None if not self._codings or can_inflate(self._codings) else Reason.ENCODING
        self.received = 0

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives, decompressed.

        Raises:
            UpstreamTimeout: nothing arrived for too long.
            ResponseTooLarge, ResponseUnreadable: it cannot be read on.
        """
        inflating = Inflating(self._codings[0]) if self._codings else None
        while piece := await self._next():
            if inflating is None:
                yield piece
                continue
            for plain in inflating.feed(piece):
                yield plain
        if inflating:
            inflating.end()

    async def _next(self) -> bytes:
        """Return what has arrived; nothing at the end."""
        try:
            async with asyncio.timeout(self._deadlines.idle) as waiting:
                if self._sending:
                    self._sending.postpone(waiting, self._deadlines.idle)
                piece: bytes = await self._answer.content.readany()
        except Exception as error:  # broad, because any exception of a library could quote the request
            raise _cause(error, self._request, self._sending, has_begun=True) from None
        self.received += len(piece)
        return piece
