"""The transport of 2024-11-05, deprecated but still in use: all messages of the server arrive on one event stream.

The server names the address for requests on the stream. The address must be on the configured origin; anything else is
refused (docs/threat-model.md, T16).
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from integrations.errors import InvalidUrl
from integrations.kinds.mcp_server.client import McpClient, McpResponse
from integrations.kinds.mcp_server.events import EventReader
from integrations.kinds.mcp_server.failures import ServerFailure, failure_of
from integrations.kinds.mcp_server.messages import NotJsonRpcError, Reply, decode, is_request, reply_in, reply_to
from integrations.kinds.mcp_server.sessions import INITIALIZED, LEGACY, Session, result_of

STREAM = "HTTP+SSE"
"""The value that is remembered of a server with this transport."""
ENDPOINT_SECONDS = 5.0
ACCEPTED = range(200, 300)
SHORTEST_ID = 16
"""Characters of a path segment from which on it is treated as a session id and masked."""


class NoStreamError(Exception):
    """The server has no event stream."""


class StreamSession(Session):
    """An open stream. The address for requests contains the session id, which is masked and never stored."""

    version = LEGACY[-1]
    remembered_as = STREAM

    def __init__(self, client: McpClient) -> None:
        self._client, self._posts = client, client
        self._events = EventReader()
        self._endpoint: asyncio.Future[str] = asyncio.get_running_loop().create_future()
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
            await self._first(self._listening, self._endpoint, seconds=ENDPOINT_SECONDS)
            self._posts = self._client_for(self._endpoint)
        except BaseException:
            await self.close()
            raise

    async def begin(self) -> None:
        """Notify the server that the session is open."""
        await self._posts.notify(INITIALIZED, ())

    async def request(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send a request, and wait for its reply on the stream."""
        message = self._client.numbered(method, params)
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[message["id"]] = reply
        status = await self._posts.notify(message, ())
        if status not in ACCEPTED:
            raise failure_of(McpResponse(status, None), self._client)
        return result_of(McpResponse(status, await self._reply_or_failure(reply)), self._client)

    async def close(self) -> None:
        """Close the stream, which ends the session."""
        listening, self._listening = self._listening, None
        if listening:
            listening.cancel()
            await asyncio.wait({listening})
            _ = (
                listening.cancelled() or listening.exception()
            )  # retrieve the exception, so that asyncio does not log it

    async def _reply_or_failure(self, reply: asyncio.Future[Reply]) -> Reply:
        if self._listening is None:
            raise self._client.unreadable()
        await self._first(self._listening, reply)
        if reply.done():
            return reply.result()
        self._listening.result()  # raise the reason, if there is one
        raise self._client.unreadable()

    @staticmethod
    async def _first(first: asyncio.Future[Any], second: asyncio.Future[Any], *, seconds: float | None = None) -> None:
        await asyncio.wait({first, second}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    async def _on_piece(self, piece: bytes) -> bool:
        for event in self._events.feed(piece):
            if event.name == b"endpoint" and not self._endpoint.done():
                self._endpoint.set_result(event.data.decode("latin-1"))
            elif event.is_message:
                await self._read_event(event.data)
        return False

    async def _read_event(self, data: bytes) -> None:
        try:
            messages = decode(data)
        except NotJsonRpcError:
            raise self._client.unreadable() from None
        for message in messages:
            for request_id, waiting in self._waiting.items():
                if not waiting.done() and (reply := reply_in(message, request_id)):
                    waiting.set_result(reply)
            if is_request(message):
                await self._posts.notify(reply_to(message), ())

    def _client_for(self, endpoint: asyncio.Future[str]) -> McpClient:
        """Return the client for the address that the server named: a path, or a URL of the same origin."""
        if not endpoint.done():
            raise NoStreamError
        target = endpoint.result().removeprefix(self._client.origin)
        path, _, query = target.partition("?")
        for credential in (*(part.partition("=")[2] for part in query.split("&")), *_ids_in(path)):
            self._client.hide(credential)
        try:
            return self._client.for_target(target)
        except InvalidUrl:
            sentence = f"{self._client.host} asks for requests to another origin, which Coffer does not send."
            raise ServerFailure(sentence) from None


def _ids_in(path: str) -> list[str]:
    """Return the segments of a path that are long enough to be ids."""
    return [part for part in path.split("/") if len(part) >= SHORTEST_ID]
