"""Calls that take long: progress for those who ask for it, and what ends a run early."""

import asyncio
import json
import threading
import time
import tracemalloc

import pytest
from asgiref.sync import async_to_sync

from accounts.common.environments import Environment
from accounts.policy import Scope
from config.agents import calls
from config.asgi import application
from config.http import bodies
from integrations.models import Run
from tests.peers.upstreams import answering, http
from tests.support.api.agents import ERAS, speak
from tests.support.api.asgi import call_asgi, served
from tests.support.things import key_for, make_action

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

S = Environment.STAGING
ACCEPT = (b"accept", b"application/json, text/event-stream")
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
MODERN = [(b"mcp-protocol-version", b"2026-07-28"), (b"mcp-method", b"tools/call"), (b"mcp-name", b"wait")]


@pytest.fixture
def key(owner):
    return key_for(owner, Scope.RUN, environments=[S])


@pytest.fixture
def slow(owner):
    """An action `wait` whose upstream answers when the event is set; another is set when it was asked."""
    asked, released = threading.Event(), threading.Event()

    def answer(_, connection):
        asked.set()
        released.wait(20)
        connection.sendall(http(b'{"done": true}', headers=("Content-Type: application/json",)))

    with answering(answer) as base_url:
        make_action(owner, "Wait", uses="", base_url=base_url)
        yield asked, released
        released.set()


@pytest.mark.parametrize("era", ERAS)
def test_an_agent_that_asks_for_progress_is_told_of_it(key, slow, monkeypatch, era):
    monkeypatch.setattr(calls, "PROGRESS_EVERY", 0.05)
    _, released = slow
    told = []

    async def on_progress(progress, total, message):
        told.append((progress, total, message))

    async def exchange(session):
        threading.Timer(0.5, released.set).start()
        return await session.call_tool("wait", {}, progress_callback=on_progress)

    called = speak(key, exchange, era=era)
    assert called.structured_content["body"] == {"done": True}
    assert len(told) >= 3
    assert [each[0] for each in told] == sorted(each[0] for each in told)
    assert all("Wait has not answered yet" in message for *_, message in told)
    assert not calls._UNDER_WAY


def headers(key, *more):
    return [(b"authorization", f"Bearer {key}".encode()), ACCEPT, *more]


def message(method, **more):
    return json.dumps({"jsonrpc": "2.0", "method": method, **more}).encode()


async def opened(key):
    """The headers of a session of the older era."""
    client = {"name": "a", "version": "1"}
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
    body = message("initialize", id=0, params=params)
    _, found, _ = await call_asgi(application, "POST", "/mcp", body, headers(key))
    return headers(key, (b"mcp-session-id", dict(found)[b"mcp-session-id"]))


async def until(event):
    assert await asyncio.to_thread(event.wait, 10)


def test_a_cancellation_ends_the_run_of_its_own_session_alone(key, slow):
    asked, _ = slow

    async def exchange():
        async with served(application):
            mine, other = await opened(key), await opened(key)
            body = message("tools/call", id=7, params={"name": "wait", "arguments": {}})
            calling = asyncio.create_task(call_asgi(application, "POST", "/mcp", body, mine))
            await until(asked)
            for who, params in ((other, {"requestId": 7}), (headers(key), {"requestId": 7}), (mine, {"requestId": 8})):
                cancelling = message("notifications/cancelled", params=params)
                assert (await call_asgi(application, "POST", "/mcp", cancelling, who))[0] == 202
            await asyncio.sleep(0.1)
            assert not calling.done()
            await call_asgi(
                application, "POST", "/mcp", message("notifications/cancelled", params={"requestId": 7}), mine
            )
            return await asyncio.wait_for(calling, 10)

    status, _, answer = async_to_sync(exchange)()
    assert (status, json.loads(answer)["id"], json.loads(answer)["error"]["code"]) == (200, 7, -32800)
    assert ended_run() == ("failed", "cancelled")


def ended_run():
    deadline = time.monotonic() + 10
    while Run.objects.get().outcome == "started" and time.monotonic() < deadline:
        time.sleep(0.02)
    run = Run.objects.get()
    return run.outcome, run.error_code


@pytest.mark.parametrize("progress", [None, 5])
@pytest.mark.parametrize("more", [[], MODERN], ids=["legacy", "modern"])
def test_who_leaves_ends_the_run(key, slow, monkeypatch, more, progress):
    monkeypatch.setattr(calls, "PROGRESS_EVERY", 0.05)
    asked, _ = slow
    meta = (META if more else {}) | ({"progressToken": progress} if progress else {})
    body = message("tools/call", id=7, params={"name": "wait", "arguments": {}, "_meta": meta})
    sent = []

    async def exchange():
        events = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive():
            if events:
                return events.pop()
            await until(asked)
            while progress and len(sent) < 3:  # the start and two events of the stream
                await asyncio.sleep(0.01)
            return {"type": "http.disconnect"}

        async def send(event):
            sent.append(event)

        scope = {
            "type": "http", "method": "POST", "path": "/mcp", "raw_path": b"/mcp", "query_string": b"",
            "headers": [(b"host", b"localhost"), (b"content-type", b"application/json"), *headers(key, *more)],
            "client": ("127.0.0.1", 1), "server": ("localhost", 80), "scheme": "http", "http_version": "1.1",
            "root_path": "", "asgi": {"version": "3.0"},
        }  # fmt: skip
        async with served(application):
            await asyncio.wait_for(application(scope, receive, send), 10)

    async_to_sync(exchange)()
    assert ended_run() == ("failed", "cancelled")
    assert bool(sent) == bool(progress)
    if progress:
        assert (b"content-type", b"text/event-stream") in [(n.lower(), v.split(b";")[0]) for n, v in sent[0]["headers"]]
        assert b"notifications/progress" in b"".join(event.get("body", b"") for event in sent)


def test_a_thousand_half_open_messages_are_bounded_and_leave_nothing(key, monkeypatch):
    """Most are refused at once, as many wait as one address may have waiting, and all memory is given back."""
    monkeypatch.setattr(bodies, "ARRIVES_WITHIN", 0.02)
    half = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "' + b"x" * 8_000

    async def one(statuses, leaving):
        events = [{"type": "http.request", "body": half, "more_body": True}]

        async def receive():
            if events:
                return events.pop()
            await leaving.wait()
            return {"type": "http.disconnect"}

        async def send(event):
            statuses.append(event.get("status"))

        scope = {
            "type": "http", "method": "POST", "path": "/mcp", "raw_path": b"/mcp", "query_string": b"",
            "headers": [(b"host", b"localhost"), (b"content-type", b"application/json"), *headers(key)],
            "client": ("127.0.0.1", 1), "server": ("localhost", 80), "scheme": "http", "http_version": "1.1",
            "root_path": "", "asgi": {"version": "3.0"},
        }  # fmt: skip
        await application(scope, receive, send)

    async def exchange():
        async with served(application):
            tracemalloc.start()
            held = []
            for number in (1000, 300):
                statuses, leaving = [], asyncio.Event()
                tasks = [asyncio.create_task(one(statuses, leaving)) for _ in range(number)]
                while sum(status == 429 for status in statuses) < number - 32:
                    await asyncio.sleep(0.05)
                assert sum(not task.done() for task in tasks) == 32
                leaving.set()
                await asyncio.gather(*tasks)
                held.append(tracemalloc.get_traced_memory()[0])
            tracemalloc.stop()
            return held

    first, second = async_to_sync(exchange)()
    assert second - first < 1_000_000
