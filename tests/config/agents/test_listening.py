"""Agents that listen hear that their tools have changed; streams are bounded and end with their key."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from asgiref.sync import async_to_sync, sync_to_async

from accounts.access.api_keys import revoke_api_key
from accounts.common.environments import Environment
from accounts.models import ApiKey
from accounts.policy import Scope
from config.agents import listening
from config.asgi import application
from tests.support.api.asgi import served
from tests.support.things import key_for, make_action

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
WANTED = {"toolsListChanged": True, "promptsListChanged": True}


@pytest.fixture
def key(owner, monkeypatch):
    monkeypatch.setattr(listening, "LOOK_EVERY", 0.05)
    return key_for(owner, Scope.RUN, environments=[Environment.STAGING])


@asynccontextmanager
async def listener(key):
    """A stream: what has arrived on it, as messages, one after the other."""
    message = {"jsonrpc": "2.0", "id": 7, "method": "subscriptions/listen"}
    body = json.dumps(message | {"params": {"_meta": META, "notifications": WANTED}}).encode()
    headers = {
        "host": "localhost",
        "authorization": f"Bearer {key}",
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "subscriptions/listen",
    }
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/mcp",
        "raw_path": b"/mcp",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }
    received, gone = [{"type": "http.request", "body": body, "more_body": False}], asyncio.Event()
    arrived = asyncio.Queue()

    async def receive():
        if received:
            return received.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(event):
        for line in event.get("body", b"").decode().splitlines():
            text = line.removeprefix("data: ")
            if text.startswith("{"):
                await arrived.put(json.loads(text))
        if event["type"] == "http.response.body" and not event.get("more_body"):
            await arrived.put(None)

    task = asyncio.create_task(application(scope, receive, send))
    try:
        yield lambda: asyncio.wait_for(arrived.get(), 20)
    finally:
        gone.set()
        await task


def test_an_agent_hears_of_changed_tools_until_its_key_ends(owner, key):
    async def story():
        async with served(application), listener(key) as hear:
            acknowledged = await hear()
            await sync_to_async(make_action)(owner, "Look up")
            changed = await hear()
            await sync_to_async(revoke_api_key)(actor=owner, key_id=(await ApiKey.objects.aget()).pk)
            return acknowledged, changed, await hear(), await hear()

    acknowledged, changed, result, end = async_to_sync(story)()
    assert acknowledged["method"] == "notifications/subscriptions/acknowledged"
    assert acknowledged["params"]["notifications"] == {"toolsListChanged": True}
    assert changed["method"] == "notifications/tools/list_changed"
    assert (result["id"], "result" in result, end) == (7, True, None)


def test_a_key_has_a_few_streams_at_once(key, monkeypatch):
    monkeypatch.setattr(listening, "MOST_OF_A_KEY", 1)

    async def story():
        async with served(application), listener(key) as hear:
            await hear()
            async with listener(key) as second:
                return await second()

    refused = async_to_sync(story)()
    assert refused["error"]["message"].startswith("Too many streams listen")


def test_a_stream_has_a_longest_time(key, monkeypatch):
    monkeypatch.setattr(listening, "LONGEST", 0.0)

    async def story():
        async with served(application), listener(key) as hear:
            return [await hear(), await hear(), await hear()]

    acknowledged, result, end = async_to_sync(story)()
    assert ("method" in acknowledged, "result" in result, end) == (True, True, None)
