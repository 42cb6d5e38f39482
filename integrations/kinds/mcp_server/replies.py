"""Reading the reply to a request, from JSON or from an event stream.

A long call may report its progress as often as it likes: notifications do not count towards the limit of messages.
"""

import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from integrations.errors import ResponseTooLarge, ResponseUnreadable
from integrations.exchange.messages import UpstreamResponse
from integrations.kinds.mcp_server.events import EventReader, ServerSentEvent
from integrations.kinds.mcp_server.headers import SESSION_ID
from integrations.kinds.mcp_server.messages import (
    Message,
    NotJsonRpcError,
    Reply,
    decode,
    error_in,
    is_notification,
    reply_among,
)

EVENT_STREAM = b"text/event-stream"
REJECTED = 400
MAX_MESSAGES = 256
SHOWN_CHARACTERS = 1000

DEFAULT_RETRY, SHORTEST_RETRY, LONGEST_RETRY = 1.0, 0.1, 5.0
"""Seconds before a stream is resumed, whatever the server asks for."""

_STREAM = re.compile(rb"(?:\xef\xbb\xbf)?(?:event|data|id|retry)?:")
_EVENT_ID = re.compile(rb"[\x21-\x7e](?:[\x20-\x7e]{0,1022}[\x21-\x7e])?")


@dataclass(frozen=True, slots=True)
class McpResponse:
    """The response to one request.

    Attributes:
        reply: the JSON-RPC reply; None if there was none.
        session: the id of the session, which is a credential.
        location: where a redirect that was not followed leads.
        text: the beginning of an error that is not JSON-RPC, in the server's words.
    """

    status: int
    reply: Reply | None
    session: str | None = field(default=None, repr=False)
    location: bytes = field(default=b"", repr=False)
    text: str = field(default="", repr=False)

    @property
    def is_rejected(self) -> bool:
        """Whether the HTTP status is an error."""
        return self.status >= REJECTED


def not_mcp(host: str) -> ResponseUnreadable:
    """Return the refusal for a response that is not MCP."""
    return ResponseUnreadable(f"The response of {host} is not MCP, or ended too early.")


class StreamMessages:
    """Decodes the messages of a stream's events, and limits those that are not notifications."""

    def __init__(self, host: str) -> None:
        self._host, self._count = host, 0

    def of(self, event: ServerSentEvent) -> list[Message]:
        """Return the messages of an event; none if it is of another type, or a sign of life such as `ping`.

        Raises:
            ResponseUnreadable: the event is not MCP.
            ResponseTooLarge: there are more than `MAX_MESSAGES` that are not notifications.
        """
        if not event.is_message:
            return []
        try:
            messages = decode(event.data)
            self._count += sum(not is_notification(message) for message in messages)
        except NotJsonRpcError:
            if event.data.lstrip().startswith((b"{", b"[{")):
                raise not_mcp(self._host) from None
            messages = []
            self._count += 1
        if self._count > MAX_MESSAGES:
            raise ResponseTooLarge(f"The response is a stream of more than {MAX_MESSAGES} messages.")
        return messages


class ReplyReader:
    """Reads the reply to one request, and has what the server sends meanwhile heeded."""

    def __init__(self, host: str, request_id: int, heed: Callable[[Message], Awaitable[None]]) -> None:
        """Create a reader; `heed` gets every message."""
        self._host, self._request_id, self._heed = host, request_id, heed
        self._events, self._messages = EventReader(), StreamMessages(host)
        self._has_events = self._is_refused = False
        self._reply: Reply | None = None

    @property
    def is_resumable(self) -> bool:
        """Whether the stream has not brought the reply and can be asked for the rest."""
        return self._reply is None and not self._is_refused and bool(_EVENT_ID.fullmatch(self._events.last_id))

    @property
    def last_id(self) -> str:
        """The id of the last event, from which the stream is resumed."""
        return self._events.last_id.decode("ascii")

    def resume(self) -> float:
        """Expect the rest of the stream; return how many seconds to wait before it is asked for."""
        events = self._events
        self._events, self._has_events = EventReader(events.last_id, events.retry_seconds), False
        asked = DEFAULT_RETRY if events.retry_seconds is None else events.retry_seconds
        return min(max(asked, SHORTEST_RETRY), LONGEST_RETRY)

    async def on_piece(self, piece: bytes) -> bool:
        """Read a piece of an event stream; return whether the reply has arrived."""
        self._has_events = True
        try:
            for event in self._events.feed(piece):
                await self._read(self._messages.of(event))
        except (ResponseUnreadable, ResponseTooLarge):
            self._is_refused = True
            raise
        return self._reply is not None

    async def response(self, response: UpstreamResponse) -> McpResponse:
        """Return the response after the whole body has been read.

        Raises:
            ResponseUnreadable: the event stream is not MCP.
        """
        if not response.readable:
            raise not_mcp(self._host)
        is_stream = header(response, b"content-type").lower().startswith(EVENT_STREAM)
        if (is_stream or _STREAM.match(response.body)) and not self._has_events:
            await self.on_piece(response.body)  # compressed or without its type, it is not passed on in pieces
        elif self._reply is None:
            with suppress(NotJsonRpcError):
                await self._read_body(response.body)
        session = header(response, SESSION_ID.lower().encode()).decode("latin-1")
        location = header(response, b"location")
        return McpResponse(response.status or 0, self._reply, session or None, location, self._words_of(response))

    async def _read_body(self, body: bytes) -> None:
        """Read the messages of a body; a single error is the reply, whatever its id: some servers make one up."""
        messages = decode(body)
        await self._read(messages)
        error = error_in(messages[0]) if len(messages) == 1 else None
        if self._reply is None and error is not None:
            self._reply = Reply(error=error, names_request=False)

    async def _read(self, messages: list[Message]) -> None:
        self._reply = self._reply or reply_among(messages, self._request_id)
        for message in messages:
            await self._heed(message)

    def _words_of(self, response: UpstreamResponse) -> str:
        """Return what a server says beside an error status; a web page says nothing."""
        text = response.body[: 4 * SHOWN_CHARACTERS].decode("utf-8", "replace").strip()
        is_said = (response.status or 0) >= REJECTED and self._reply is None and not text.startswith("<")
        return text[:SHOWN_CHARACTERS] if is_said else ""


def header(response: UpstreamResponse, name: bytes) -> bytes:
    """Return the first value of a header; empty if it is missing."""
    return next((value.strip() for key, value in response.headers if key.lower() == name), b"")
