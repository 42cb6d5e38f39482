"""WebSockets that are passed through: a connection to an upstream, and a client that talks to Coffer's own server."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, contextmanager, suppress

from asgiref.sync import async_to_sync
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from accounts.common.environments import Environment
from tests.peers.models.said import CREDENTIAL
from tests.support.api.listening import listening
from tests.support.things import key_for, make_connection, store_secret

QUIET = logging.Logger("client")  # noqa: LOG001 - what a test's own client writes down is not Coffer's
STAGING = [Environment.STAGING]
SENDS = [{"name": "Authorization", "value": "Bearer {secrets.openai.apiKey}"}]


class Sockets:
    """Opens WebSockets with a key."""

    def __init__(self, address: str, key: str) -> None:
        self.address, self.key = address.replace("http", "ws", 1), key

    @asynccontextmanager
    async def open(self, path="/v1/realtime?model=gpt", *, at="Voice", headers=None, **options):
        sent = {"Authorization": f"Bearer {self.key}"} if headers is None else headers
        limits = {"compression": None, "max_size": None, "proxy": None, "logger": QUIET, **options}
        async with connect(f"{self.address}/proxy/{at}{path}", additional_headers=sent, **limits) as socket:
            yield socket

    async def raw_answer(self, path: str, *, at="Voice", after: bytes = b"", **headers: str | None) -> bytes:
        """The bytes that a handshake is answered with, up to the end of the connection.

        Args:
            after: what is sent once the head of the answer is there.
            headers: those that differ; None leaves one out.
        """
        host = self.address.removeprefix("ws://")
        sent = {
            "Host": host, "Authorization": f"Bearer {self.key}", "Connection": "Upgrade", "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **headers,
        }  # fmt: skip
        lines = [f"{name}: {value}" for name, value in sent.items() if value is not None]
        reader, writer = await asyncio.open_connection(*host.split(":"))
        writer.write("\r\n".join([f"GET /proxy/{at}{path} HTTP/1.1", *lines, "", ""]).encode())
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(after)
            head += await reader.read()
            writer.close()
            return head
        return b""

    async def refusal(self, path="/v1/realtime", **more) -> tuple[int, str]:
        """Status and code of a handshake that was refused."""
        try:
            async with self.open(path, **more):
                raise AssertionError("It was opened.")
        except InvalidStatus as answered:
            response = answered.response
            document = json.loads(response.body)
            assert response.headers["Coffer-Error"] == document["code"], document
            assert response.headers["Content-Type"] == "application/problem+json"
            return response.status_code, document["code"]


async def end_of(socket) -> tuple[int, str]:
    """Code and reason of the close, once it has come."""
    try:
        while True:
            await socket.recv()
    except ConnectionClosed:
        return socket.close_code, socket.close_reason


@contextmanager
def voice(owner, url: str, **config):
    """A connection to an upstream that sends a credential along, and the key of an agent in Staging."""
    store_secret(owner, "openai.apiKey", CREDENTIAL)
    parts = {"base_url": url, "name": "Voice", "headers": SENDS, "pass_through": "everything", **config}
    yield make_connection(owner, **parts), key_for(owner, environments=STAGING)


def play(key: str, story: Callable[[Sockets], Awaitable[None]], *, seconds: float = 60) -> None:
    """Let a client do something within so many seconds."""

    async def within():
        async with asyncio.timeout(seconds), listening() as address:
            await story(Sockets(address, key))

    async_to_sync(within)()
