"""Requests that are passed through: a connection to an upstream, and a client that talks to Coffer's own server."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from types import MappingProxyType

import aiohttp
from asgiref.sync import async_to_sync

from accounts.common.database import in_database
from accounts.common.environments import Environment
from integrations.models import Run
from tests.peers.upstreams import answering, http
from tests.support.api.listening import listening
from tests.support.things import VALUE, key_for, make_connection, store_secret

NO_FIELDS = MappingProxyType({})
STAGING = [Environment.STAGING]
SENDS = [{"name": "X-Key", "value": "{secrets.crm.apiKey}"}]


@dataclass
class Client:
    """What SDKs do: a base URL, and the key where the service's own key goes."""

    address: str
    session: aiohttp.ClientSession
    key: str

    def ask(self, method: str, path: str, *, at: str = "CRM%20API", headers=None, **more):
        """The answer to a request at a connection, by default with the key as bearer token."""
        sent = {"Authorization": f"Bearer {self.key}"} if headers is None else headers
        target = f"{self.address}/proxy/{at}{path}"
        return self.session.request(
            method, aiohttp.client.URL(target, encoded=True), headers=sent, allow_redirects=False, **more
        )

    async def problem(self, method: str, path: str, **more) -> tuple[int, str]:
        """Status and code of a refusal, which says in both places what it is."""
        async with self.ask(method, path, **more) as answer:
            document = json.loads(await answer.read())
            assert answer.headers["Coffer-Error"] == document["code"], document
            assert answer.headers["Content-Type"] == "application/problem+json"
            return answer.status, document["code"]


@contextmanager
def connected(
    owner, respond, *, pass_through="everything", value=VALUE, below="", secret=MappingProxyType({}), **config
):
    """A connection to an upstream that sends a secret along, and the key of an agent in Staging."""
    store_secret(owner, value=value, **secret)
    with answering(respond) as url:
        parts = {"base_url": url + below, "headers": SENDS, "pass_through": pass_through, **config}
        connection = make_connection(owner, **parts)
        yield connection, key_for(owner, environments=STAGING)


@asynccontextmanager
async def clients(key: str):
    async with listening() as address, aiohttp.ClientSession(auto_decompress=False) as session:
        yield Client(address, session, key)


def play(key: str, story: Callable[[Client], Awaitable[None]], *, seconds: float = 60) -> None:
    """Let a client do something within so many seconds."""

    async def within():
        async with asyncio.timeout(seconds), clients(key) as client:
            await story(client)

    async_to_sync(within)()


class Echo:
    """Answers with what it received, and keeps it."""

    def __init__(self, *headers: str, status: str = "200 OK", body: bytes | None = None):
        self.headers, self.status, self.body, self.received = headers, status, body, []

    def __call__(self, request, connection):
        self.received.append(request)
        connection.sendall(http(request if self.body is None else self.body, status=self.status, headers=self.headers))

    @property
    def target(self) -> bytes:
        return self.received[-1].split(b" ")[1]

    @property
    def names(self) -> set[str]:
        head = self.received[-1].partition(b"\r\n\r\n")[0].decode()
        return {line.partition(":")[0].lower() for line in head.split("\r\n")[1:]}


class Routes:
    """Answers each path with its bytes, or as its function says."""

    def __init__(self, answers: dict[str, bytes | Callable]):
        self.answers = answers

    def __call__(self, request, connection):
        answer = self.answers[request.split(b" ")[1].decode()]
        if callable(answer):
            answer(request, connection)
        else:
            connection.sendall(answer)


EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
"""The head of an answer that flows until its connection ends."""


def end_of_run() -> tuple[str, str, int | None]:
    """How the only run ended."""
    run = Run.objects.get()
    return run.outcome, run.error_code, run.status


async def until(check: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait until a check of the database holds."""
    async with asyncio.timeout(seconds):
        while not await in_database(check):
            await asyncio.sleep(0.02)
