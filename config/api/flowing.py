"""Runs whose answer flows as events: `POST /integrations/{id}/run` with `stream` (docs/api.md, "Streaming").

What goes wrong before the head of the upstream's answer is refused as every run is; afterwards it is an event.
"""

import asyncio
import base64
import json
from codecs import getincrementaldecoder
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from accounts.access.callers import PresentedKey
from accounts.common.request_notes import note
from accounts.errors import Refusal, RequestTimedOut
from config.api.handler import Headers
from config.http.errors import problem, refusal_of
from config.http.requests import Send
from config.logs import BROKEN_OFF
from integrations.broker.masking import is_binary
from integrations.broker.preparation import Call
from integrations.broker.streaming import Stream, open_stream

ROUTE = "api/v1/integrations/<uuidstr:integration_id>/run"
EVENTS = (
    (b"Content-Type", b"text/event-stream; charset=utf-8"),
    (b"X-Accel-Buffering", b"no"),  # nginx would collect events before it passes them on
)


async def flow(key: PresentedKey, call: Call, headers: Headers, send: Send) -> None:
    """Make a run and answer with events.

    Args:
        headers: those of every successful answer.

    Raises:
        Refusal: the run was refused, or failed before the upstream's answer began. Nothing was sent.
    """
    answer = _EventAnswer([one for one in headers if one[0].lower() != b"content-type"], send)
    try:
        async with open_stream(key, call) as stream:
            note(route=ROUTE)
            await answer.begin(stream)
            await _give(stream, answer)
    except Exception as fault:
        if not answer.has_begun:
            raise
        await answer.break_off(refusal_of(fault, "a stream broke off"))


async def _give(stream: Stream, answer: "_EventAnswer") -> None:
    pieces = Pieces(stream.media_type_alone)
    async for piece in stream.pieces():
        for shown in pieces.of(piece):
            await answer.event("piece", shown)
    for shown in pieces.end():
        await answer.event("piece", shown)
    await answer.end({"outcome": stream.outcome.value, "masked": stream.found, "duration_ms": stream.milliseconds})


class Pieces:
    """The body as it is shown: texts in UTF-8 as they are, anything else in base64."""

    def __init__(self, media_type: str | None) -> None:
        self._decoder = None if is_binary(media_type) else getincrementaldecoder("utf-8")()

    def of(self, piece: bytes) -> Iterator[dict[str, str]]:
        """Yield what is shown of a piece. A character that is not all there yet comes with the next one."""
        yield from self._shown(piece, is_last=False)

    def end(self) -> Iterator[dict[str, str]]:
        """Yield what is left."""
        yield from self._shown(b"", is_last=True)

    def _shown(self, piece: bytes, *, is_last: bool) -> Iterator[dict[str, str]]:
        if self._decoder:
            begun = self._decoder.getstate()[0]
            try:
                text = self._decoder.decode(piece, is_last)
            except UnicodeDecodeError:
                self._decoder, piece = None, begun + piece
            else:
                if text:
                    yield {"text": text}
                return
        if piece:
            yield {"base64": base64.b64encode(piece).decode()}


class _EventAnswer:
    """The events of one answer."""

    def __init__(self, headers: list[tuple[bytes, bytes]], send: Send) -> None:
        self.has_begun = False
        self._headers, self._send = [*headers, *EVENTS], send
        self._seconds = 0.0

    async def begin(self, stream: Stream) -> None:
        """Send the head of the upstream's answer."""
        self._seconds, self.has_begun = stream.idle_seconds, True
        await self._send({"type": "http.response.start", "status": HTTPStatus.OK.value, "headers": self._headers})
        shown = [{"name": name, "value": value} for name, value in stream.shown_headers]
        head = {"run_id": str(stream.run_id), "status": stream.status, "headers": shown}
        await self.event("answer", {**head, "media_type": stream.media_type_alone})

    async def event(self, name: str, data: dict[str, Any], *, is_last: bool = False) -> None:
        """Send an event, once the caller has taken enough of those before it.

        Raises:
            RequestTimedOut: the caller takes nothing for too long.
        """
        written = f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()  # in ASCII: clients differ on line breaks
        try:
            async with asyncio.timeout(self._seconds):
                await self._send({"type": "http.response.body", "body": written, "more_body": not is_last})
        except TimeoutError:
            raise RequestTimedOut("The answer was not taken in time.") from None

    async def end(self, data: dict[str, Any]) -> None:
        """Send the last event of an answer that is complete."""
        await self.event("end", data, is_last=True)

    async def break_off(self, refusal: Refusal) -> None:
        """Say what broke the answer off; end the connection if the caller does not even take that."""
        document = json.loads(problem(refusal).content)
        try:
            await self.event("error", document, is_last=True)
        except RequestTimedOut:
            BROKEN_OFF.set(True)
