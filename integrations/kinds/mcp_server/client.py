"""One request of a run to an MCP server and what comes back, as JSON or as an event stream.

Owns: the deadline that all requests of a run share, the reading of answers, and the refusal of what the server asks
meanwhile. Which request is due, and in which headers, is `sessions.py`.
"""

import itertools
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from accounts.errors import Refusal
from integrations.errors import ResponseUnreadable, UpstreamTimeout
from integrations.exchange.exchange import Channel, Hear
from integrations.exchange.messages import OutgoingRequest, UpstreamResponse, with_target
from integrations.kinds.mcp_server.events import EventReader
from integrations.kinds.mcp_server.headers import SESSION_ID
from integrations.kinds.mcp_server.messages import (
    Message,
    NotJsonRpcError,
    Reply,
    answer_to,
    decode,
    encode,
    is_request,
    reply_in,
)
from secrets_app.naming.value_rules import MIN_LENGTH
from secrets_app.plaintext import Plaintext

EVENT_STREAM = b"text/event-stream"
ACCEPT = "application/json, text/event-stream"
FAREWELL_SECONDS = 2.0
REJECTED = 400

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class McpResponse:
    """What a server answered to one request. `reply` is None where there was none; `session` is a credential."""

    status: int
    reply: Reply | None
    session: str | None = field(default=None, repr=False)

    @property
    def is_rejected(self) -> bool:
        """Whether the HTTP status says that the request was not taken."""
        return self.status >= REJECTED


class McpClient:
    """The way to one server for one run."""

    def __init__(self, channel: Channel, request: OutgoingRequest) -> None:
        """`request` is rendered, without a body: its address and headers go into everything that is sent."""
        self._channel, self._request = channel, request
        self._ends = time.monotonic() + request.timeout_seconds
        self._ids = itertools.count(1)

    def __repr__(self) -> str:
        return "<McpClient>"

    @property
    def origin(self) -> str:
        """Scheme and authority of everything that is sent."""
        return f"{self._request.url.scheme}://{self._request.url.raw_authority}"

    @property
    def host(self) -> str:
        """The server's host, for messages."""
        return self._request.url.raw_host or ""

    def hide(self, given: str) -> None:
        """Have a credential masked that the server gave. A short one cannot be told from other text, and is not."""
        if len(given) >= MIN_LENGTH:
            self._channel.hide(Plaintext(given))

    async def ask(self, method: str, params: Mapping[str, Any], headers: Headers) -> McpResponse:
        """One JSON-RPC request.

        Raises:
            Refusal: those of the transport; ResponseUnreadable for an event stream that is not MCP.
        """
        message = self.numbered(method, params)
        reader = _ReplyReader(self, message["id"], headers)
        response = await self._channel.http(self._post(message, headers), hear=reader.hear)
        return await reader.answer(response)

    def numbered(self, method: str, params: Mapping[str, Any]) -> Message:
        """A request with an id of its own."""
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": dict(params)}

    async def tell(self, message: Message, headers: Headers) -> int:
        """A notification, or an answer to what the server asked. The HTTP status.

        Raises:
            Refusal: those of the transport.
        """
        response = await self._channel.http(self._post(message, headers), hear=_heard_enough)
        return response.status or 0

    async def listen(self, hear: Hear) -> int:
        """GET the stream on which a server of 2024-11-05 says everything, as long as the run lasts. The HTTP status.

        Raises:
            Refusal: those of the transport, and what `hear` raises.
        """
        response = await self._channel.http(self._sent("GET", (), None, self._left()), hear=hear)
        return response.status or 0

    def beside(self, target: str) -> "McpClient":
        """The same way to another path of the same origin.

        Args:
            target: path and query, as a server gave them.

        Raises:
            InvalidUrl: it is no such thing.
        """
        client = McpClient(self._channel, replace(self._request, url=with_target(self._request.url, target)))
        client._ends, client._ids = self._ends, self._ids
        return client

    async def end(self, headers: Headers) -> None:
        """DELETE the session; whatever comes of that changes nothing for the run."""
        seconds = min(FAREWELL_SECONDS, self._ends - time.monotonic())
        if seconds > 0:
            with suppress(Refusal):
                await self._channel.http(self._sent("DELETE", headers, None, seconds), hear=_heard_enough)

    def unreadable(self) -> ResponseUnreadable:
        """The refusal for an answer that is not MCP."""
        return ResponseUnreadable(f"The answer of {self.host} is not MCP, or ended too early.")

    def _post(self, message: Message, headers: Headers) -> OutgoingRequest:
        typed = (("Content-Type", "application/json"), *headers)
        return self._sent("POST", typed, encode(message), self._left())

    def _left(self) -> float:
        seconds = self._ends - time.monotonic()
        if seconds <= 0:
            raise UpstreamTimeout(f"{self.host} did not answer in time.")
        return seconds

    def _sent(self, method: str, headers: Headers, body: bytes | None, seconds: float) -> OutgoingRequest:
        sent = (("Accept", ACCEPT), *headers, *self._request.headers)
        return replace(self._request, method=method, headers=sent, body=body, timeout_seconds=seconds)


class _ReplyReader:
    """Listens for the reply to one request, and refuses what the server asks meanwhile."""

    def __init__(self, client: McpClient, request_id: int, headers: Headers) -> None:
        self._client, self._request_id, self._headers = client, request_id, headers
        self._events, self._has_heard = EventReader(), False
        self._reply: Reply | None = None

    async def hear(self, piece: bytes) -> bool:
        """A piece of an event stream; True once the reply is in it."""
        self._has_heard = True
        for event in self._events.feed(piece):
            if event.is_message:
                await self._take(event.data, rejected=False)
        return self._reply is not None

    async def answer(self, response: UpstreamResponse) -> McpResponse:
        """What came, now that reading has ended."""
        status, is_stream = response.status or 0, _header(response, b"content-type").startswith(EVENT_STREAM)
        if not response.readable:
            raise self._client.unreadable()
        if is_stream and not self._has_heard:  # it was compressed
            await self.hear(response.body)
        elif not is_stream:
            with suppress(NotJsonRpcError):
                await self._take_checked(response.body, rejected=status >= REJECTED)
        session = _header(response, SESSION_ID.lower().encode()).decode("latin-1")
        return McpResponse(status, self._reply, session or None)

    async def _take(self, data: bytes, *, rejected: bool) -> None:
        try:
            await self._take_checked(data, rejected=rejected)
        except NotJsonRpcError:
            raise self._client.unreadable() from None

    async def _take_checked(self, data: bytes, *, rejected: bool) -> None:
        for message in decode(data):
            self._reply = self._reply or reply_in(message, self._request_id, rejected=rejected)
            if is_request(message):
                await self._client.tell(answer_to(message), self._headers)


async def _heard_enough(_: bytes) -> bool:
    """Nothing is awaited from this stream."""
    return True


def _header(response: UpstreamResponse, name: bytes) -> bytes:
    return next((value.strip() for key, value in response.headers if key.lower() == name), b"")
