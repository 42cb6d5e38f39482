"""The door: the application for requests that are passed through.

Their bodies are not collected but flow on, so they never reach what reads bodies whole. Everything that a request may
do is decided by the broker; this module reads it, and sends what comes back.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

from accounts.access.callers import PresentedKey
from accounts.access.client_addresses import peer_address
from accounts.common.request_notes import note
from accounts.errors import RateLimited, Refusal, RequestTimedOut
from config.http.errors import refusal_of
from config.http.requests import Receive, Send, header_of
from config.logs import BROKEN_OFF
from config.proxy.addresses import target_of
from config.proxy.admitting import check_request
from config.proxy.answers import head_of, refused, send_refusal
from config.proxy.arriving import Arriving
from config.proxy.keys import take_key
from integrations.broker.streaming import Stream, open_stream
from integrations.broker.streams.addressed import call_at
from integrations.egress.own_ports import note_port
from integrations.exchange.passing import arguments_of
from integrations.exchange.streams import Passed

ROUTE = "proxy/<connection>/<path>"
MOST_STREAMS = 1000
"""Requests that a process passes through at once."""
RETRY_SECONDS = 5


class Door:
    """An ASGI application that passes requests through."""

    def __init__(self) -> None:
        self._streams = 0

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Handle one request."""
        note(route=ROUTE)
        if scope.get("server"):
            note_port(scope["server"][1])
        self._streams += 1
        try:
            await self._handle(scope, receive, send)
        finally:
            self._streams -= 1

    def _check_room(self) -> None:
        """Check that the process has room for one more request.

        Raises:
            RateLimited: it has not.
        """
        if self._streams > MOST_STREAMS:
            refusal = RateLimited("Too many requests are being passed through. Try again in a moment.")
            refusal.members["retry_after_seconds"] = RETRY_SECONDS
            raise refusal

    async def _handle(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        async with _while_connected(receive, headers) as arriving:
            answer = _Answer(scope, send, arriving)
            try:
                self._check_room()
                await _pass_through(scope, headers, arriving, answer)
            except Exception as fault:
                await answer.break_off(refusal_of(fault, "a request could not be passed through"))


async def _pass_through(
    scope: dict[str, Any], headers: list[tuple[str, str]], arriving: Arriving, answer: "_Answer"
) -> None:
    check_request(scope)
    target = target_of(scope)
    text, others = take_key(headers, target.whole)
    key = PresentedKey(text, peer_address((scope.get("client") or [""])[0]), header_of(scope, b"user-agent"))
    params = arguments_of(scope["method"], target.path, target.query)
    passed = Passed(tuple(others), arriving.upload)
    call = await call_at(key, target.address, params)
    async with open_stream(key, call, passed) as stream:
        await answer.begin(stream)
        async for piece in stream.pieces():
            await answer.give(piece, stream.idle_seconds)
    await answer.end()


@asynccontextmanager
async def _while_connected(receive: Receive, headers: list[tuple[str, str]]) -> AsyncIterator[Arriving]:
    """Run the block as long as the caller stays."""
    current = cast("asyncio.Task[None]", asyncio.current_task())
    has_left = False

    def leave() -> None:
        nonlocal has_left
        has_left = True
        current.cancel()

    arriving = Arriving(receive, headers, leave)
    watching = asyncio.create_task(arriving.watch())
    try:
        yield arriving
    except asyncio.CancelledError:
        if not has_left:
            raise
        current.uncancel()
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


class _Answer:
    """The answer to one request."""

    def __init__(self, scope: dict[str, Any], send: Send, arriving: Arriving) -> None:
        self._method, self._send, self._arriving = scope["method"], send, arriving
        self._has_begun = False

    async def begin(self, stream: Stream) -> None:
        """Send the head."""
        headers = head_of(stream, self._method, closes=not self._arriving.is_through)
        self._has_begun = True
        await self._send({"type": "http.response.start", "status": stream.status, "headers": headers})

    async def give(self, piece: bytes, seconds: float) -> None:
        """Send a piece, once the caller has taken enough of those before it.

        Raises:
            RequestTimedOut: the caller takes nothing for so many seconds.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        except TimeoutError:
            raise RequestTimedOut("The answer was not taken in time.") from None

    async def end(self) -> None:
        """Say that the answer is complete."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def break_off(self, refusal: Refusal) -> None:
        """Send a refusal; if the answer has begun, end the connection instead, so that it is not taken for complete."""
        note(code=refusal.code)
        if self._has_begun:
            BROKEN_OFF.set(True)
        else:
            await send_refusal(refused(refusal), self._send, closes=not self._arriving.is_through)
