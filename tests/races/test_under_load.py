"""A served Coffer under load when something around it ends: the database, the upstream, Coffer itself.

One worker as `docs/production.md` serves it, a PostgreSQL server of the test's own, a real upstream. Only what is under
way may fail, each call with a code; what comes afterwards works without a restart.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psycopg
import pytest

from accounts.actors import actor_for_member
from accounts.models import Membership, User
from accounts.people.organizations import create_organization
from tests import postgres
from tests.benchmarks.processes import free_port
from tests.support.databases.copies import copy_to_postgres
from tests.support.databases.emptying import empty_tables
from tests.support.things import key_for, make_action, store_secret

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]  # of which a copy is made

ROOT = Path(__file__).resolve().parents[2]
AT_ONCE = 20


@dataclass
class Served:
    """A process that serves, and one integration to run."""

    process: subprocess.Popen[bytes]
    url: str
    key: str
    integration: str
    log: Path


@dataclass
class Product:
    """A served Coffer and its database, and the port that its integration calls."""

    served: Served
    database: postgres.Server
    port: int


def seed(upstream_url: str) -> tuple[str, str]:
    """An organization with an API key and an integration; the text of the one and the id of the other."""
    user = User.objects.create(email="owner@example.com", name="Owner")
    create_organization(user=user, name="Harbor Clinics")
    owner = actor_for_member(Membership.objects.select_related("user", "organization").get())
    store_secret(owner)
    return key_for(owner), str(make_action(owner, base_url=upstream_url).id)


@contextmanager
def serving(database_url: str, key: str, integration: str) -> Iterator[Served]:
    port = free_port()
    env = {
        **os.environ,
        "DATABASE_URL": database_url,
        "CACHE_URL": "locmemcache://",
        "COFFER_ALLOWED_HOSTS": "localhost,127.0.0.1",
        "PYTHONPATH": str(ROOT),
    }
    options = ["--host", "127.0.0.1", "--port", str(port), "--no-access-log", "--log-level", "error"]
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", *options]
    with tempfile.NamedTemporaryFile() as log:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=log)
        yield from _until_it_ends(Served(process, f"http://127.0.0.1:{port}", key, integration, Path(log.name)))


def _until_it_ends(served: Served) -> Iterator[Served]:
    try:
        asyncio.run(_until_ready(served))
        yield served
    finally:
        served.process.kill()
        served.process.wait(timeout=20)


async def _until_ready(served: Served) -> None:
    deadline = time.monotonic() + 60
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline:
            try:
                async with session.get(f"{served.url}/readyz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
    raise TimeoutError("it does not serve")


async def _call(session: aiohttp.ClientSession, served: Served) -> tuple[int, str]:
    """Status, and the code or outcome of one run; 0 where the connection ended."""
    url = f"{served.url}/api/v1/integrations/{served.integration}/run"
    try:
        async with session.post(
            url, json={"environment": "staging"}, headers={"Authorization": f"Bearer {served.key}"}
        ) as response:
            document = json.loads(await response.read())
            return response.status, document.get("code") or document["outcome"]
    except aiohttp.ClientError:
        return 0, "connection"


async def _load(served: Served, act) -> list[tuple[float, float, int, str]]:
    """Calls before, during and after an act in a thread, `AT_ONCE` at a time: begin, end, status, code of each."""
    started, found, acted = time.monotonic(), [], []

    def are_enough(since: float) -> bool:
        """Whether every caller may have called twice since this moment."""
        return len([call for call in found if call[0] > since]) > 2 * AT_ONCE

    async def caller(session: aiohttp.ClientSession) -> None:
        while not (acted and are_enough(acted[0])):
            began = time.monotonic() - started
            status, code = await _call(session, served)
            found.append((began, time.monotonic() - started, status, code))
            if status == 0:
                await asyncio.sleep(0.05)

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        callers = [asyncio.ensure_future(caller(session)) for _ in range(AT_ONCE)]
        while not are_enough(0):
            await asyncio.sleep(0.05)
        await asyncio.to_thread(act)
        acted.append(time.monotonic() - started)
        await asyncio.gather(*callers)
    return found


UPSTREAM = """
import asyncio, sys

async def answer(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    await asyncio.sleep(float(sys.argv[2]))
    writer.write(b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: 2\\r\\n")
    writer.write(b"Content-Type: application/json\\r\\n\\r\\n{}")
    await writer.drain()
    writer.close()

async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()

asyncio.run(main())
"""


@contextmanager
def upstream_process(port: int, delay: float) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", UPSTREAM, str(port), str(delay)])
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait(timeout=20)


@pytest.fixture(scope="module")
def product(django_db_setup, django_db_blocker) -> Iterator[Product]:
    """The product as it is served. Each test ends something around it; the last one ends it."""
    port = free_port()
    with postgres.running() as database:
        with django_db_blocker.unblock():
            made = seed(f"http://127.0.0.1:{port}")
            copy_to_postgres(database.url)
            empty_tables()
        with serving(database.url, *made) as served:
            yield Product(served, database, port)


async def several(served: Served) -> list[tuple[int, str]]:
    async with aiohttp.ClientSession() as session:
        return await asyncio.gather(*[_call(session, served) for _ in range(AT_ONCE)])


def test_database_that_restarts_fails_only_what_is_under_way(product):
    served, database, span = product.served, product.database, []

    def restart():
        span.append(time.monotonic())
        database.stop()
        database.start()
        span.append(time.monotonic())

    with upstream_process(product.port, 0.05):
        began = time.monotonic()
        calls = asyncio.run(_load(served, restart))
        down, up = (moment - began for moment in span)
        before = [call for call in calls if call[1] < down]
        afterwards = [call for call in calls if call[0] > up]
        failed = [call for call in calls if call[2] != 200]
        assert before
        assert {(status, code) for _, _, status, code in before} == {(200, "succeeded")}
        assert failed
        assert all(code for _, _, status, code in failed if status)
        assert not [call for call in failed if call[2] == 0]
        assert len(afterwards) > AT_ONCE
        assert {(status, code) for _, _, status, code in afterwards} == {(200, "succeeded")}
        assert served.process.poll() is None


def test_database_that_restarts_between_calls_fails_none(product):
    with upstream_process(product.port, 0.05):
        assert set(asyncio.run(several(product.served))) == {(200, "succeeded")}
        product.database.stop()
        product.database.start()
        assert set(asyncio.run(several(product.served))) == {(200, "succeeded")}


async def _while_it_is_down(served: Served) -> dict[str, tuple[int, str | None, str]]:
    """Status, `Retry-After` and text of every kind of request, several times."""
    key, found = {"Authorization": f"Bearer {served.key}"}, {}
    listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    requests = {
        "run": ("POST", f"/api/v1/integrations/{served.integration}/run", {"environment": "staging"}),
        "api": ("GET", "/api/v1/secrets", None),
        "framework": ("POST", f"/api/v1/integrations/{served.integration}/run?a=b", {"environment": "staging"}),
        "mcp": ("POST", "/mcp", listing),
        "healthz": ("GET", "/healthz", None),
        "readyz": ("GET", "/readyz", None),
    }
    async with aiohttp.ClientSession(headers=key) as session:
        for name, (method, path, body) in [*requests.items()] * 3:
            async with session.request(method, served.url + path, json=body, allow_redirects=False) as response:
                found[name] = response.status, response.headers.get("Retry-After"), await response.text()
    return found


def test_database_that_is_down_is_told_as_such_until_it_is_back(product):
    served = product.served
    product.database.stop()
    before = len(served.log.read_bytes())
    try:
        found = asyncio.run(_while_it_is_down(served))
    finally:
        product.database.start()
    assert {name: answer[:2] for name, answer in found.items() if answer[0] != 503} == {"healthz": (200, None)}
    assert json.loads(found["readyz"][2])["problems"] == ["database"]
    for name in ("run", "api", "framework", "mcp"):
        document = json.loads(found[name][2])
        told = document["error"]["data"] if name == "mcp" else document
        assert (found[name][1], told["code"]) == ("5", "database_unavailable"), name
    lines = served.log.read_bytes()[before:].decode().splitlines()
    assert len(lines) <= 2, lines  # of a connection that was cut, and of those that cannot be made
    assert all("The database cannot be used" in line for line in lines), lines
    with upstream_process(product.port, 0.05):
        assert set(asyncio.run(several(served))) == {(200, "succeeded")}


def test_upstream_that_is_killed_fails_only_what_it_had(product):
    span = []

    with ExitStack() as stack:
        first = stack.enter_context(upstream_process(product.port, 0.2))

        def kill_and_start():
            span.append(time.monotonic())
            first.kill()
            first.wait(timeout=20)
            time.sleep(1)  # a call that is sent again, since that does no harm, finds nobody either
            stack.enter_context(upstream_process(product.port, 0.2))
            span.append(time.monotonic())

        began = time.monotonic()
        calls = asyncio.run(_load(product.served, kill_and_start))
        down, up = (moment - began for moment in span)
        assert {call[2:] for call in calls if call[1] < down} == {(200, "succeeded")}
        assert {call[2:] for call in calls if call[0] > up} == {(200, "succeeded")}
        failed = {call[2:] for call in calls if call[2] != 200}
        assert failed
        assert failed <= {(502, "upstream_unreachable"), (502, "response_unreadable")}


def ledger(url: str) -> Counter[str]:
    """How many runs have each outcome."""
    with psycopg.connect(url) as connection:
        return Counter(outcome for (outcome,) in connection.execute("SELECT outcome FROM integrations_run"))


def test_runs_that_are_under_way_finish_before_the_process_ends(product):
    served = product.served
    before = ledger(product.database.url)  # a database that restarts leaves runs without an end

    async def calls_and_term():
        async with aiohttp.ClientSession() as session:
            running = [asyncio.ensure_future(_call(session, served)) for _ in range(AT_ONCE)]
            await asyncio.sleep(0.9)
            served.process.send_signal(signal.SIGTERM)
            return await asyncio.gather(*running)

    with upstream_process(product.port, 1.5):
        assert set(asyncio.run(calls_and_term())) == {(200, "succeeded")}
        served.process.wait(timeout=20)
    assert ledger(product.database.url) == before | {"succeeded": before["succeeded"] + AT_ONCE}
