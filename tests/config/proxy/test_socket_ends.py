"""How WebSockets that are passed through end: stopped, withheld, at a limit, or because of what somebody sent."""

import asyncio
import json
import logging
import threading
from contextlib import suppress

import pytest
from asgiref.sync import sync_to_async
from websockets.exceptions import ConnectionClosed

from accounts.access.api_keys import revoke_api_key
from accounts.audit import trail
from accounts.models import ApiKey, AuditEvent
from accounts.people.stopping import stop_agents
from integrations.broker.streams import relaying, watching
from integrations.editing.integrations import IntegrationChanges, update_integration
from integrations.models import Integration, Run
from secrets_app.models import Secret
from tests.peers.models.said import CREDENTIAL
from tests.peers.models.server import models
from tests.peers.raw_websockets import BINARY, CLOSE, TEXT, frame, switching
from tests.peers.upstreams import answering
from tests.support.api.sockets import STAGING, end_of, play, voice
from tests.support.things import key_for

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

LARGEST = 16 * 1024 * 1024
FLOOD = 100_000_000


def event(kind, **members):
    return json.dumps({"type": kind, **members})


def last_run():
    run = Run.objects.latest("started_at")
    return run.outcome, run.error_code, run.status


def code_and_start(end):
    return end[0], end[1].partition(":")[0]


def speaking(frames_of):
    """An upstream that opens every WebSocket, sends the frames of the path that is asked for, and waits for the end."""

    def speak(request, connection):
        path = request.split(b" ")[1].decode()
        connection.sendall(switching(request) + frames_of(path))
        while connection.recv(65536):
            pass

    return answering(speak)


def switch(owner, *, enabled):
    connection = Integration.objects.get(name="Voice")
    update_integration(actor=owner, integration_id=connection.pk, changes=IntegrationChanges(enabled=enabled))


def test_what_stops_a_run_closes_its_socket(owner, monkeypatch):
    """At once where this process stops it; a change that another process has made is seen at the next look."""
    monkeypatch.setattr(watching, "LOOK_EVERY", 3600)

    def revoke():
        revoke_api_key(actor=owner, key_id=ApiKey.objects.latest("created_at").pk)

    async def stopped(sockets, code, stop):
        async with sockets.open() as socket:
            await socket.recv()
            await sync_to_async(stop)()
            assert code_and_start(await end_of(socket)) == (1008, code)
        assert await sync_to_async(last_run)() == ("failed", code, 101)

    async def story(sockets):
        sockets.key = await sync_to_async(key_for)(owner, environments=STAGING)
        await stopped(sockets, "unauthenticated", revoke)
        assert await sockets.refusal() == (401, "unauthenticated")
        sockets.key = await sync_to_async(key_for)(owner, environments=STAGING)
        await stopped(sockets, "integration_disabled", lambda: switch(owner, enabled=False))
        await sync_to_async(switch)(owner, enabled=True)
        monkeypatch.setattr(watching, "LOOK_EVERY", 0.1)
        await stopped(sockets, "secret_disabled", lambda: Secret.objects.update(enabled=False))
        await sync_to_async(Secret.objects.update)(enabled=True)
        monkeypatch.setattr(watching, "LOOK_EVERY", 3600)
        await stopped(sockets, "agents_stopped", lambda: stop_agents(actor=owner, why="Incident"))

    with models() as (url, said), voice(owner, url) as (_, key):
        play(key, story)
    assert len(said.ended) == 4


VALUE = CREDENTIAL.encode()
BYE = frame(CLOSE, b"\x0f\xa0Bye " + VALUE)
MASKED, WITHHELD = (4000, "Bye [redacted]"), (1008, "answer_withheld")
COMING_BACK = {
    "whole": (frame(TEXT, VALUE) + frame(BINARY, VALUE) + BYE, MASKED),
    "fragments": (frame(TEXT, VALUE[:6], final=False) + frame(0, VALUE[6:]) + BYE, MASKED),
    "two": (frame(TEXT, VALUE[:14]) + frame(TEXT, VALUE[14:28]) + BYE, WITHHELD),
    "binary": (frame(BINARY, b"\xff" + VALUE[:14]) + frame(BINARY, VALUE[14:28] + b"\xff") + BYE, WITHHELD),
    "deltas": (
        b"".join(frame(TEXT, event("delta", delta=CREDENTIAL[at : at + 4]).encode()) for at in range(0, 40, 4)),
        WITHHELD,
    ),
    "hexadecimal": (frame(TEXT, event("audio", delta=VALUE.hex()).encode()), WITHHELD),
}


def test_a_value_that_comes_back_is_masked_or_closes_the_socket(owner):
    async def story(sockets):
        for name, (_, end) in COMING_BACK.items():
            got = b""
            async with sockets.open(f"/{name}") as socket:
                with suppress(ConnectionClosed):
                    async for message in socket:
                        got += message.encode() if isinstance(message, str) else message
            assert code_and_start((socket.close_code, socket.close_reason)) == end, name
            assert end is MASKED or socket.close_reason.endswith("."), socket.close_reason
            assert not any(VALUE[at : at + 15] in got for at in range(len(VALUE) - 15)), (name, got)
            expected = ("upstream_error", "") if end is MASKED else ("failed", "answer_withheld")
            assert (await sync_to_async(last_run)())[:2] == expected, name

    upstream = speaking(lambda path: COMING_BACK[path.removeprefix("/")][0])
    with upstream as url, voice(owner, url) as (_, key):
        play(key, story)


def test_a_value_that_a_caller_sends_goes_nowhere_and_counts(owner):
    async def story(sockets):
        for messages in (
            [event("session.update", session={"instructions": CREDENTIAL})],
            [VALUE],
            [event("x", delta=CREDENTIAL[at : at + 4]) for at in range(0, 40, 4)],
        ):
            async with sockets.open() as socket:
                await socket.recv()
                for message in messages:
                    await socket.send(message)
                assert code_and_start(await end_of(socket)) == (1008, "argument_contains_secret"), messages
        assert await sockets.refusal() == (401, "unauthenticated")  # the key is suspended

    with models() as (url, said), voice(owner, url) as (_, key):
        play(key, story)
    assert not any(CREDENTIAL in str(asked) for kind, _, asked in said.asked if kind == "WEBSOCKET")
    assert last_run() == ("failed", "argument_contains_secret", 101)
    assert AuditEvent.objects.filter(event=trail.Event.INTEGRATION_SECRET_IN_ARGUMENTS).count() == 3


def test_limits_of_a_connection_end_it(owner, monkeypatch):
    async def silence(sockets):
        async with sockets.open() as socket:
            await socket.recv()
            assert await end_of(socket) == (1001, "There was no message for 1 seconds.")

    async def talk(sockets):
        async with sockets.open() as socket:
            with suppress(ConnectionClosed):
                while True:
                    await socket.send(event("x"))
                    await socket.recv()
                    await asyncio.sleep(0.1)
            assert await end_of(socket) == (1001, "The connection has lasted 2 seconds.")

    async def story(sockets):
        await asyncio.gather(silence(sockets), talk(sockets))
        async with sockets.open() as socket:
            await socket.recv()
            with suppress(ConnectionClosed):
                await socket.send(bytes(LARGEST + 1))
            assert (await end_of(socket))[0] == 1009
        monkeypatch.setattr(relaying, "MOST_BYTES", 1000)
        async with sockets.open() as socket:
            await socket.send(bytes(1001))
            assert await end_of(socket) == (1009, "The messages have more than 1000 bytes together.")

    with models() as (url, said), voice(owner, url, idle_seconds=1, total_seconds=2) as (_, key):
        play(key, story)
        assert said.ended == ["closed 1001", "closed 1001", "closed 1009", "closed 1009"]
    assert set(Run.objects.values_list("outcome", "error_code")) == {("succeeded", "")}


def test_an_upstream_that_breaks_the_protocol_is_a_bad_gateway(owner):
    async def story(sockets):
        async with sockets.open() as socket:
            assert await socket.recv() == "a"
            assert await end_of(socket) == (1014, "127.0.0.1 broke the WebSocket protocol.")

    with speaking(lambda _: frame(TEXT, b"a") + frame(5, b"")) as url, voice(owner, url) as (_, key):
        play(key, story)
    assert last_run() == ("failed", "response_unreadable", 101)


def test_whoever_sends_faster_than_the_other_takes_waits(owner):
    async def story(sockets):
        async with sockets.open(max_queue=1) as socket:
            await socket.recv()
            await socket.send(event("flood", bytes=FLOOD))
            before = -1
            while before != said.flooded or not said.flooded:
                before = said.flooded
                await asyncio.sleep(0.5)
            assert said.flooded < 30_000_000
            for _ in range(FLOOD // 65536):
                assert len(await socket.recv()) == 65536

    with models() as (url, said), voice(owner, url) as (_, key):
        play(key, story)


def test_an_upstream_that_takes_nothing_in_lets_the_caller_wait(owner):
    def deaf(request, connection):
        connection.sendall(switching(request))
        released.wait(60)

    async def story(sockets):
        sent = 0
        async with sockets.open() as socket:
            while (await asyncio.wait({sending := asyncio.create_task(socket.send(bytes(65536)))}, timeout=1))[0]:
                sent += 65536
            sending.cancel()
            assert sent < 30_000_000
            released.set()
            assert (await end_of(socket))[0] == 1014

    released = threading.Event()
    with answering(deaf) as url, voice(owner, url) as (_, key):
        play(key, story)


def test_one_line_of_the_log_for_each_socket_and_none_of_its_address(owner):
    """What the server itself would write has the query in it, and frames at DEBUG."""
    server = logging.getLogger("uvicorn.error")
    told = []
    watching_all = logging.Handler()
    watching_all.emit = lambda record: told.append(record.getMessage())
    server.addHandler(watching_all)

    async def story(sockets):
        async with sockets.open("/v1/realtime?note=private") as socket:
            await socket.recv()
            await socket.send(event("private"))
            await socket.recv()

    try:
        with models() as (url, _), voice(owner, url) as (_, key):
            play(key, story)
    finally:
        server.removeHandler(watching_all)
    assert told and "private" not in str(told) and "connection open" not in told
