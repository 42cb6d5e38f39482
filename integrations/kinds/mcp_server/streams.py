"""The transport of 2024-11-05, deprecated but still in use: all messages of the server arrive on one event stream.

The server names the address for requests on the stream. The address must be on the configured origin; anything else is
refused (docs/threat-model.md, T16).
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from integrations.errors import InvalidUrl
from integrations.kinds.mcp_server.client import McpClient
from integrations.kinds.mcp_server.events import EventReader
from integrations.kinds.mcp_server.failures import ServerFailure, shown_address
from integrations.kinds.mcp_server.messages import Message, Reply, reply_among
from integrations.kinds.mcp_server.replies import McpResponse, StreamMessages
from integrations.kinds.mcp_server.sessions import INITIALIZED, LEGACY, Session, result_of

STREAM = "HTTP+SSE"
"""The value that is remembered of a server with this transport."""
ENDPOINT_SECONDS = 5.0
ACCEPTED = range(200, 300)


class NoStreamError(Exception):
    """The server has no event stream."""


class StreamSession(Session):
    """An open stream. The address for requests contains the session id, which is masked and never stored."""

    version = LEGACY[-1]
    remembered_as = STREAM

    def __init__(self, client: McpClient) -> None:
        self._client, self._posts = client, client
        self._events, self._messages = EventReader(), StreamMessages(client.host)
        self._endpoint: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._listening: asyncio.Task[int] | None = None

    def __repr__(self) -> str:
        return "<StreamSession>"

    async def open(self) -> None:
        """Open the stream and wait for the address for requests.

        Raises:
            NoStreamError: the server names no address in time.
            ServerFailure: the address is on another origin.
        """
        self._listening = asyncio.ensure_future(self._client.listen(self._on_piece))
        try:
            await _first(self._listening, self._endpoint, seconds=ENDPOINT_SECONDS)
            self._posts = self._client_for(self._endpoint)
        except BaseException:
            await self.close()
            raise

    async def begin(self) -> None:
        """Notify the server that the session is open."""
        await self._posts.notify(INITIALIZED, ())

    async def request(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send a request, and wait for its reply on the stream."""
        return result_of(await self.ask(method, params), self._client)

    async def ask(self, method: str, params: Mapping[str, Any]) -> McpResponse:
        """Send a request; return what comes first: the reply, on the stream or where it was posted, or an error.

        Raises:
            ResponseUnreadable: the stream ended before the reply. Also the refusals of the transport.
        """
        if self._listening is None:
            raise self._client.unreadable()
        message = self._client.numbered(method, params)
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[message["id"]] = reply
        posting = asyncio.ensure_future(self._posts.post(message, ()))
        try:
            await _first(self._listening, reply, posting)
            if posting.done() and not reply.done():
                response = posting.result()
                if response.reply or response.status not in ACCEPTED:
                    return response
                await _first(self._listening, reply)
            if reply.done():
                return McpResponse(HTTPStatus.OK, reply.result())
            self._listening.result()  # raise the reason, if there is one
            raise self._client.unreadable()
        finally:
            del self._waiting[message["id"]]
            await _ended(posting)

    async def close(self) -> None:
        """Close the stream, which ends the session."""
        listening, self._listening = self._listening, None
        if listening:
            await _ended(listening)

    async def _on_piece(self, piece: bytes) -> bool:
        for event in self._events.feed(piece):
            if event.name == b"endpoint" and not self._endpoint.done():
                self._endpoint.set_result(event.data)
            else:
                await self._read(self._messages.of(event))
        return False

    async def _read(self, messages: list[Message]) -> None:
        for request_id, waiting in self._waiting.items():
            if not waiting.done() and (reply := reply_among(messages, request_id)):
                waiting.set_result(reply)
        for message in messages:
            await self._posts.heed(message, ())

    def _client_for(self, endpoint: asyncio.Future[bytes]) -> McpClient:
        """Return the client for the address that the server named, which must be of the same origin."""
        if not endpoint.done():
            raise NoStreamError
        try:
            return self._client.at(endpoint.result())
        except InvalidUrl:
            address = shown_address(endpoint.result())
            asked = f"{self._client.host} asks for requests to another origin{f' ({address})' if address else ''}"
            raise ServerFailure(f"{asked}, which Coffer does not send.") from None


async def _first(*awaited: asyncio.Future[Any], seconds: float | None = None) -> None:
    """Wait until one of them is done."""
    await asyncio.wait(awaited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)


async def _ended(task: asyncio.Task[Any]) -> None:
    """Cancel a task, and retrieve its exception, so that asyncio does not log it."""
    task.cancel()
    await asyncio.wait({task})
    _ = task.cancelled() or task.exception()
