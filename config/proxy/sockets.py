"""The door for WebSockets: `/proxy/{connection}/{path}` again, with messages both ways (docs/websockets.md).

Before the connection is accepted, a refusal is an HTTP response like any other; afterwards it is a close code and a
reason.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, cast
from urllib.parse import urlsplit

from django.conf import settings

from accounts.access.callers import PresentedKey
from accounts.access.client_addresses import peer_address
from accounts.common.request_notes import note
from accounts.errors import DatabaseUnavailable, NotFound, RateLimited, Refusal
from config.http.errors import InternalError, refusal_of
from config.http.handshakes import Receive, Send
from config.http.requests import PASSED_THROUGH, header_of
from config.logs import BROKEN_OFF
from config.proxy.addresses import target_of
from config.proxy.admitting import check_request
from config.proxy.answers import OWN_HEADERS, RUN_ID, encoded, refused
from config.proxy.door import ROUTE
from config.proxy.keys import take_key
from config.proxy.protocols import Offered, take_protocols
from integrations.broker.ends import CANCELLED
from integrations.broker.streams.addressed import call_at
from integrations.broker.streams.relaying import CallerLeft, is_sendable
from integrations.broker.streams.websockets import OpenedSocket, open_websocket
from integrations.egress.own_ports import note_port
from integrations.exchange.passed_headers import folded, returned
from integrations.exchange.passing import arguments_of
from integrations.exchange.streams import Passed

MOST_SOCKETS = 1000
"""WebSockets that a process holds open at once."""
RETRY_SECONDS = 5
POLICY_VIOLATION, INTERNAL = 1008, 1011
LOST, NO_STATUS = 1006, 1005
LONGEST_REASON = 123
"""Bytes of the reason in a close frame (RFC 6455 section 5.5)."""


class ForeignOrigin(Refusal):
    """A page of another site opens a WebSocket with a key that it need not know."""

    code, status, title = "foreign_origin", 403, "Foreign origin"


class Sockets:
    """An ASGI application for WebSockets: those to `/proxy/` are passed through, others refused."""

    def __init__(self) -> None:
        self._open = 0

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Handle one connection."""
        note(route=ROUTE)
        if scope.get("server"):
            note_port(scope["server"][1])
        self._open += 1
        try:
            await self._handle(scope, _Socket(receive, send))
        finally:
            self._open -= 1

    async def _handle(self, scope: dict[str, Any], socket: "_Socket") -> None:
        try:
            async with socket.staying():
                self._check_room()
                await _pass_through(scope, socket)
        except CallerLeft:
            note(code=CANCELLED)
        except Exception as fault:
            await socket.refuse(refusal_of(fault, "a WebSocket could not be passed through"))

    def _check_room(self) -> None:
        """Check that the process has room for one more connection.

        Raises:
            RateLimited: it has not.
        """
        if self._open > MOST_SOCKETS:
            refusal = RateLimited("Too many WebSockets are open. Try again in a moment.")
            refusal.members["retry_after_seconds"] = RETRY_SECONDS
            raise refusal


async def _pass_through(scope: dict[str, Any], socket: "_Socket") -> None:
    if not scope.get("raw_path", b"").startswith(PASSED_THROUGH.encode()):
        raise NotFound("There are WebSockets only below /proxy/ (docs/websockets.md).")
    check_request(scope)
    target = target_of(scope)
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    offered, headers = take_protocols(headers)
    text, others = take_key(headers, target.whole)
    _check_origin(scope, offered)
    key = PresentedKey(text, peer_address((scope.get("client") or [""])[0]), header_of(scope, b"user-agent"))
    call = await call_at(key, target.address, arguments_of("GET", target.path, target.query))
    async with open_websocket(key, call, Passed(tuple(others)), offered.protocols) as opened:
        if not opened.is_open:
            await opened.answered()
            await socket.answer(opened.status, _head_of(opened), opened.body)
            return
        await socket.accept(offered.agreed(opened.protocol), _head_of(opened))
        ending = await opened.relay(socket)
    await socket.close(ending.code, ending.reason)


def _check_origin(scope: dict[str, Any], offered: Offered) -> None:
    """Check that a page of another site has shown that it knows the key.

    A browser lets any page open a WebSocket to any address, and adds by itself what it keeps for that address. Coffer
    reads no cookie here, and a page can put a key only into a sub-protocol; what came in a header is the browser's.

    Raises:
        ForeignOrigin: it has not.
    """
    origin = header_of(scope, b"origin")
    if not origin or offered.has_key:
        return
    if urlsplit(origin).netloc.lower() not in {header_of(scope, b"host").lower(), urlsplit(settings.SITE_URL).netloc}:
        raise ForeignOrigin(
            "A page of another site has to send the API key as a sub-protocol, such as "
            "openai-insecure-api-key.cof_…; a program leaves out Origin, or sends the key like that as well."
        )


def _head_of(opened: OpenedSocket) -> list[tuple[bytes, bytes]]:
    kept = [header for header in returned(opened.headers) if not folded(header[0]).startswith("sec-websocket-")]
    return encoded([*kept, *OWN_HEADERS, (RUN_ID, str(opened.run_id))])


def _fitting(reason: str) -> str:
    """Return as much of a reason as a close frame holds: whole sentences, if there is one."""
    told = reason.encode()[:LONGEST_REASON].decode("utf-8", "ignore")
    sentences, end, _ = told.rpartition(". ")
    return told if told == reason or not end else f"{sentences}."


class _Socket:
    """The connection of the caller."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._is_accepted = self._has_answered = self._has_left = False
        self._first: asyncio.Future[Any] | None = None

    @asynccontextmanager
    async def staying(self) -> AsyncIterator[None]:
        """Run the block as long as the caller waits for the handshake's answer, and from then on to its end.

        Raises:
            CallerLeft: the caller has left before the answer.
        """
        current = cast("asyncio.Task[None]", asyncio.current_task())
        await self._receive()  # that the connection begins
        self._first = asyncio.ensure_future(self._receive())
        self._first.add_done_callback(lambda _: self._leave(current))
        try:
            yield
        except asyncio.CancelledError:
            if not self._has_left or self._is_accepted:
                raise
            current.uncancel()
            raise CallerLeft(LOST, "") from None
        finally:
            if self._first:
                self._first.cancel()

    def _leave(self, current: "asyncio.Task[None]") -> None:
        """End the request of a caller who does not wait for the answer. Before it, nothing else can arrive."""
        if not self._is_accepted and not self._has_answered:
            self._has_left = True
            current.cancel()

    async def accept(self, protocol: str | None, headers: list[tuple[bytes, bytes]]) -> None:
        """Answer the handshake."""
        self._is_accepted = True
        await self._say({"type": "websocket.accept", "subprotocol": protocol, "headers": headers})

    async def answer(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        """Answer the handshake with an ordinary response."""
        self._has_answered = True
        BROKEN_OFF.set(True)  # the server misses the end of a handshake
        with suppress(CallerLeft):
            await self._say({"type": "websocket.http.response.start", "status": status, "headers": [*headers]})
            await self._say({"type": "websocket.http.response.body", "body": body})

    async def refuse(self, refusal: Refusal) -> None:
        """Say a refusal: as a problem document, or as the reason of a close once the connection is accepted."""
        note(code=refusal.code)
        if not self._is_accepted:
            document = refused(refusal)
            headers = encoded([*document.headers.items(), *OWN_HEADERS])
            await self.answer(document.status_code, headers, document.content)
            return
        is_ours = isinstance(refusal, DatabaseUnavailable | InternalError)
        await self.close(INTERNAL if is_ours else POLICY_VIOLATION, f"{refusal.code}: {refusal.detail}")

    async def close(self, code: int, reason: str) -> None:
        """Close the connection. One that the caller has closed stays as it is."""
        if self._has_left:
            return
        told = _fitting(reason)
        with suppress(CallerLeft):
            await self._say({"type": "websocket.close", "code": code if is_sendable(code) else 1000, "reason": told})

    async def receive(self) -> str | bytes:
        """Return the caller's next message.

        Raises:
            CallerLeft: there is none any more.
        """
        first, self._first = self._first, None
        message = await (first or self._receive())
        if message["type"] == "websocket.disconnect":
            self._has_left = True
            raise CallerLeft(message.get("code", NO_STATUS), message.get("reason") or "")
        text: str | None = message.get("text")
        return message["bytes"] if text is None else text

    async def send(self, message: str | bytes) -> None:
        """Send a message, once the caller has taken enough of those before it.

        Raises:
            CallerLeft: it is gone.
        """
        await self._say({"type": "websocket.send", "text" if isinstance(message, str) else "bytes": message})

    async def _say(self, message: dict[str, Any]) -> None:
        try:
            await self._send(message)
        except OSError:  # how servers say that nobody is there (ASGI, "Disconnected Client")
            self._has_left = True
            raise CallerLeft(LOST, "") from None
