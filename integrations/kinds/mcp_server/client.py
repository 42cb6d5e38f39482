"""One request of a run to an MCP server, and the response as JSON or as an event stream.

All requests of a run share one deadline. Requests that the server sends meanwhile are refused. Which requests are sent,
and with which headers, is decided in `sessions.py`.
"""

import itertools
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from accounts.errors import Refusal
from integrations.errors import ResponseUnreadable, UpstreamTimeout
from integrations.exchange.exchange import Channel, OnPiece
from integrations.exchange.messages import OutgoingRequest, UpstreamResponse
from integrations.exchange.redirects import with_target
from integrations.kinds.mcp_server.events import EventReader
from integrations.kinds.mcp_server.headers import SESSION_ID
from integrations.kinds.mcp_server.messages import (
    Message,
    NotJsonRpcError,
    Reply,
    decode,
    encode,
    is_request,
    reply_in,
    reply_to,
)
from secrets_app.naming.value_rules import MIN_LENGTH
from secrets_app.plaintext import Plaintext

EVENT_STREAM = b"text/event-stream"
ACCEPT = "application/json, text/event-stream"
END_SESSION_SECONDS = 2.0
REJECTED = 400

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class McpResponse:
    """The response to one request.

    Attributes:
        reply: the JSON-RPC reply; None if there was none.
        session: the id of the session, which is a credential.
    """

    status: int
    reply: Reply | None
    session: str | None = field(default=None, repr=False)

    @property
    def is_rejected(self) -> bool:
        """Whether the HTTP status is an error."""
        return self.status >= REJECTED


class McpClient:
    """The connection to one server during one run."""

    def __init__(self, channel: Channel, request: OutgoingRequest) -> None:
        """Create a client.

        Args:
            request: a rendered request without body; its URL and headers are part of every request.
        """
        self._channel, self._request = channel, request
        self._deadline = time.monotonic() + request.timeout_seconds
        self._ids = itertools.count(1)

    def __repr__(self) -> str:
        return "<McpClient>"

    @property
    def origin(self) -> str:
        """The scheme and authority of every request."""
        return f"{self._request.url.scheme}://{self._request.url.raw_authority}"

    @property
    def host(self) -> str:
        """The server's host, for messages."""
        return self._request.url.raw_host or ""

    @property
    def sends_more(self) -> bool:
        """Whether headers or query parameters are configured, which may hold a credential."""
        return bool(self._request.headers or self._request.url.raw_query_string)

    def hide(self, given: str) -> None:
        """Mask a credential that the server issued. A short one cannot be told from other text and is not masked."""
        if len(given) >= MIN_LENGTH:
            self._channel.hide(Plaintext(given))

    async def request(self, method: str, params: Mapping[str, Any], headers: Headers) -> McpResponse:
        """Send a JSON-RPC request.

        Raises:
            ResponseUnreadable: the event stream is not MCP.
            Refusal: as the transport.
        """
        message = self.numbered(method, params)
        reader = _ReplyReader(self, message["id"], headers)
        response = await self._channel.http(self._post(message, headers), on_piece=reader.on_piece)
        return await reader.response(response)

    def numbered(self, method: str, params: Mapping[str, Any]) -> Message:
        """Return a request with an id of its own."""
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": dict(params)}

    async def notify(self, message: Message, headers: Headers) -> int:
        """Send a notification, or a reply to a request of the server; return the HTTP status.

        Raises:
            Refusal: as the transport.
        """
        request = replace(self._post(message, headers), needs_body=False)
        response = await self._channel.http(request, on_piece=_discard)
        return response.status or 0

    async def listen(self, on_piece: OnPiece) -> int:
        """GET the event stream of a server of 2024-11-05 for the rest of the run; return the HTTP status.

        Raises:
            Refusal: as the transport, and as `on_piece`.
        """
        response = await self._channel.http(self._built("GET", (), None, self._left()), on_piece=on_piece)
        return response.status or 0

    def for_target(self, target: str) -> "McpClient":
        """Return a client for another path of the same origin; deadline and ids are shared.

        Args:
            target: path and query, as the server sent them.

        Raises:
            InvalidUrl: it is not a path with an optional query.
        """
        client = McpClient(self._channel, replace(self._request, url=with_target(self._request.url, target)))
        client._deadline, client._ids = self._deadline, self._ids
        return client

    async def end_session(self, headers: Headers) -> None:
        """DELETE the session. The result does not matter to the run."""
        seconds = min(END_SESSION_SECONDS, self._deadline - time.monotonic())
        if seconds > 0:
            with suppress(Refusal):
                await self._channel.http(self._built("DELETE", headers, None, seconds), on_piece=_discard)

    def unreadable(self) -> ResponseUnreadable:
        """Return the refusal for a response that is not MCP."""
        return ResponseUnreadable(f"The response of {self.host} is not MCP, or ended too early.")

    def _post(self, message: Message, headers: Headers) -> OutgoingRequest:
        typed = (("Content-Type", "application/json"), *headers)
        return self._built("POST", typed, encode(message), self._left())

    def _left(self) -> float:
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise UpstreamTimeout(f"{self.host} did not answer in time.")
        return seconds

    def _built(self, method: str, headers: Headers, body: bytes | None, seconds: float) -> OutgoingRequest:
        complete = (("Accept", ACCEPT), *headers, *self._request.headers)
        return replace(self._request, method=method, headers=complete, body=body, timeout_seconds=seconds)


class _ReplyReader:
    """Reads the reply to one request, and refuses requests that the server sends meanwhile."""

    def __init__(self, client: McpClient, request_id: int, headers: Headers) -> None:
        self._client, self._request_id, self._headers = client, request_id, headers
        self._events, self._has_events = EventReader(), False
        self._reply: Reply | None = None

    async def on_piece(self, piece: bytes) -> bool:
        """Read a piece of an event stream; return whether the reply has arrived."""
        self._has_events = True
        for event in self._events.feed(piece):
            if event.is_message:
                await self._read_event(event.data, rejected=False)
        return self._reply is not None

    async def response(self, response: UpstreamResponse) -> McpResponse:
        """Return the response after the whole body has been read."""
        status, is_stream = response.status or 0, _header(response, b"content-type").startswith(EVENT_STREAM)
        if not response.readable:
            raise self._client.unreadable()
        if is_stream and not self._has_events:  # a compressed stream is not passed on in pieces
            await self.on_piece(response.body)
        elif not is_stream:
            with suppress(NotJsonRpcError):
                await self._read_messages(response.body, rejected=status >= REJECTED)
        session = _header(response, SESSION_ID.lower().encode()).decode("latin-1")
        return McpResponse(status, self._reply, session or None)

    async def _read_event(self, data: bytes, *, rejected: bool) -> None:
        try:
            await self._read_messages(data, rejected=rejected)
        except NotJsonRpcError:
            raise self._client.unreadable() from None

    async def _read_messages(self, data: bytes, *, rejected: bool) -> None:
        for message in decode(data):
            self._reply = self._reply or reply_in(message, self._request_id, rejected=rejected)
            if is_request(message):
                await self._client.notify(reply_to(message), self._headers)


async def _discard(_: bytes) -> bool:
    """Skip the rest of a stream from which no reply is expected."""
    return True


def _header(response: UpstreamResponse, name: bytes) -> bytes:
    return next((value.strip() for key, value in response.headers if key.lower() == name), b"")
