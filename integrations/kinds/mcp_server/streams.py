"""The transport of 2024-11-05, deprecated and still met: everything that the server says comes on one stream.

Owns: the stream, the address that the server names on it for requests, and the way of each reply to its request. That
address stays on the origin that was configured: whatever else a server names is refused (docs/threat-model.md, T16).
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from integrations.errors import InvalidUrl
from integrations.kinds.mcp_server.client import McpClient, McpResponse
from integrations.kinds.mcp_server.events import EventReader
from integrations.kinds.mcp_server.failures import ServerFailure, failure_of
from integrations.kinds.mcp_server.messages import NotJsonRpcError, Reply, answer_to, decode, is_request, reply_in
from integrations.kinds.mcp_server.sessions import INITIALIZED, LEGACY, Session, result_of

STREAM = "HTTP+SSE"
"""What is remembered of a server that has this transport."""
ENDPOINT_SECONDS = 5.0
TAKEN = range(200, 300)
SHORTEST_ID = 16
"""Characters: what is shorter in a path is taken for a word."""


class NoStreamError(Exception):
    """The server has no such stream."""


class StreamSession(Session):
    """One open stream. The address for requests holds the session's id: a credential, masked and stored nowhere."""

    version = LEGACY[-1]
    kept_as = STREAM

    def __init__(self, client: McpClient) -> None:
        self._client, self._posts = client, client
        self._events = EventReader()
        self._endpoint: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._listening: asyncio.Task[int] | None = None

    def __repr__(self) -> str:
        return "<StreamSession>"

    async def open(self) -> None:
        """Listen, and learn where requests go.

        Raises:
            NoStreamError: the server names no address in time.
            ServerFailure: the address is another origin's.
        """
        self._listening = asyncio.ensure_future(self._client.listen(self._hear))
        try:
            await self._first(self._listening, self._endpoint, seconds=ENDPOINT_SECONDS)
            self._posts = self._beside(self._endpoint)
        except BaseException:
            await self.close()
            raise

    async def begin(self) -> None:
        """Tell the server that the session is open."""
        await self._posts.tell(INITIALIZED, ())

    async def ask(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Post one request, and wait for its reply on the stream."""
        message = self._client.numbered(method, params)
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[message["id"]] = reply
        status = await self._posts.tell(message, ())
        if status not in TAKEN:
            raise failure_of(McpResponse(status, None), self._client)
        return result_of(McpResponse(status, await self._arrived(reply)), self._client)

    async def close(self) -> None:
        """Leave the stream, which ends the session."""
        listening, self._listening = self._listening, None
        if listening:
            listening.cancel()
            await asyncio.wait({listening})
            _ = listening.cancelled() or listening.exception()  # seen: how it ended matters no more

    async def _arrived(self, reply: asyncio.Future[Reply]) -> Reply:
        if self._listening is None:
            raise self._client.unreadable()
        await self._first(self._listening, reply)
        if reply.done():
            return reply.result()
        self._listening.result()  # why it ended, where there is a reason
        raise self._client.unreadable()

    @staticmethod
    async def _first(one: asyncio.Future[Any], other: asyncio.Future[Any], *, seconds: float | None = None) -> None:
        await asyncio.wait({one, other}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    async def _hear(self, piece: bytes) -> bool:
        for event in self._events.feed(piece):
            if event.name == b"endpoint" and not self._endpoint.done():
                self._endpoint.set_result(event.data.decode("latin-1"))
            elif event.is_message:
                await self._take(event.data)
        return False

    async def _take(self, data: bytes) -> None:
        try:
            messages = decode(data)
        except NotJsonRpcError:
            raise self._client.unreadable() from None
        for message in messages:
            for request_id, waiting in self._waiting.items():
                if not waiting.done() and (reply := reply_in(message, request_id)):
                    waiting.set_result(reply)
            if is_request(message):
                await self._posts.tell(answer_to(message), ())

    def _beside(self, endpoint: asyncio.Future[str]) -> McpClient:
        """The way to the address that the server named: a path, or a URL of the very same origin."""
        if not endpoint.done():
            raise NoStreamError
        target = endpoint.result().removeprefix(self._client.origin)
        path, _, query = target.partition("?")
        for credential in (*(part.partition("=")[2] for part in query.split("&")), *_ids_in(path)):
            self._client.hide(credential)
        try:
            return self._client.beside(target)
        except InvalidUrl:
            sentence = f"{self._client.host} wants requests sent to another address, which is not followed."
            raise ServerFailure(sentence) from None


def _ids_in(path: str) -> list[str]:
    """The parts of a path that are no words."""
    return [part for part in path.split("/") if len(part) >= SHORTEST_ID]
