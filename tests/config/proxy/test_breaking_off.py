"""What ends a request that is passed through before its answer does: callers, people, deadlines and faults."""

import asyncio
import threading
import time

import aiohttp
import psycopg
import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts.access.api_keys import revoke_api_key
from accounts.common.database import in_database
from accounts.models import ApiKey
from integrations.broker.streams import watching
from integrations.models import Integration, Run
from tests.support.api.passing import EVENTS, Echo, Routes, connected, end_of_run, play, until
from tests.support.things import VALUE, make_connection

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]


def test_a_caller_who_leaves_ends_the_call_at_once(owner):
    gone = threading.Event()

    def answer(_, connection):
        connection.sendall(EVENTS + b"data: one\n\n")
        while connection.recv(1024):
            pass
        gone.set()

    async def story(client):
        async with client.ask("GET", "/x") as answer:
            assert await answer.content.readuntil(b"\n\n") == b"data: one\n\n"
            answer.close()
        assert await asyncio.to_thread(gone.wait, 5)
        await until(lambda: Run.objects.get().outcome != "started")

    with connected(owner, answer) as (_, key):
        play(key, story)
    assert end_of_run() == ("failed", "cancelled", None)


def test_a_caller_who_leaves_in_the_middle_of_an_upload_ends_the_call(owner):
    gone = threading.Event()

    def answer(_, connection):
        while connection.recv(1024):
            pass
        gone.set()

    async def stuck():
        yield b"beginning"
        await asyncio.sleep(60)

    async def story(client):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.ask("POST", "/x", data=stuck()), 1)
        assert await asyncio.to_thread(gone.wait, 5)
        await until(lambda: Run.objects.get().outcome != "started")

    with connected(owner, answer) as (_, key):
        play(key, story)
    assert end_of_run() == ("failed", "cancelled", None)


def test_a_stream_whose_key_or_connection_is_stopped_breaks_off(owner, monkeypatch):
    """In this process at once; what another one stops, at the next look."""
    monkeypatch.setattr(watching, "LOOK_EVERY", 0.1)
    stops = [
        (lambda: revoke_api_key(actor=owner, key_id=ApiKey.objects.get().pk), "unauthenticated"),
        (lambda: ApiKey.objects.update(revoked_at=timezone.now()), "unauthenticated"),
        (lambda: Integration.objects.update(enabled=False), "integration_disabled"),
    ]

    def answer(_, connection):
        connection.sendall(EVENTS + b"data: one\n\n")
        while connection.recv(1024):
            pass

    async def story(client):
        for stop, code in stops:
            await in_database(ApiKey.objects.update, revoked_at=None)
            async with client.ask("GET", "/x") as answer:
                await answer.content.readuntil(b"\n\n")
                await in_database(stop)
                with pytest.raises(aiohttp.ClientPayloadError):
                    await answer.read()
            await until(lambda code=code: Run.objects.latest("started_at").error_code == code)

    with connected(owner, answer) as (_, key):
        play(key, story)
    assert set(Run.objects.values_list("outcome", flat=True)) == {"failed"}


def test_a_fault_of_ours_is_told_as_such_and_nothing_of_it_is_logged(owner, monkeypatch, caplog):
    def broken(*args, **more):
        raise RuntimeError(f"a message with {VALUE}")

    monkeypatch.setattr("config.proxy.door.head_of", broken)

    async def story(client):
        assert await client.problem("GET", "/x") == (500, "internal_error")

    with connected(owner, Echo()) as (_, key):
        play(key, story)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "config.http.errors"]
    assert ("RuntimeError at " in line, VALUE in caplog.text) == (True, False)
    assert end_of_run() == ("failed", "internal_error", None)


def test_an_answer_whose_end_cannot_be_recorded_breaks_off(owner, monkeypatch):
    def gone(*args):
        raise OperationalError from psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr("integrations.broker.ledger.endings", gone)

    async def story(client):
        async with client.ask("GET", "/x") as answer:
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()

    with connected(owner, Echo(body=b"fine" * 100)) as (_, key):
        play(key, story)
    assert end_of_run() == ("started", "", None)


def test_each_deadline_of_the_connection_counts_for_itself(owner):
    def answer(pause, before_head):
        def respond(_, connection):
            time.sleep(before_head)
            connection.sendall(EVENTS + b"data: one\n\n")
            time.sleep(pause)
            connection.sendall(b"data: two\n\n")

        return respond

    respond = Routes({"/first": answer(0.0, 2.0), "/idle": answer(2.0, 0.0), "/total": answer(0.6, 0.6)})

    async def refused(client):
        assert await client.problem("GET", "/first", at="first") == (504, "upstream_timeout")

    async def broken_off(client, name):
        async with client.ask("GET", f"/{name}", at=name) as answer:
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()

    async def whole(client, name):
        async with client.ask("GET", "/total", at=name) as answer:
            assert await answer.read() == b"data: one\n\ndata: two\n\n"

    async def story(client):
        ends = [broken_off(client, name) for name in ("idle", "total")]
        others = [whole(client, name) for name in ("first", "idle")]  # each of them is no limit of the others
        await asyncio.gather(refused(client), *ends, *others)

    with connected(owner, respond) as (connection, key):
        limits = {"first": {"first_byte_seconds": 1}, "idle": {"idle_seconds": 1}, "total": {"total_seconds": 1}}
        for name, limit in limits.items():
            make_connection(owner, name=name, **{**connection.config, **limit})
        play(key, story)
    ended = Run.objects.filter(outcome="failed").values_list("integration_name", "error_code", "status")
    assert set(ended) == {(name, "upstream_timeout", None if name == "first" else 200) for name in limits}


def test_trailers_do_not_go_on_and_an_upstream_that_trickles_is_left(owner):
    def trickling(_, connection):
        connection.sendall(EVENTS)
        while True:
            connection.sendall(b":\n")
            time.sleep(0.05)

    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Key\r\n\r\n"
    trailers = head + f"4;a={VALUE}\r\nfine\r\n0\r\nX-Key: {VALUE}\r\nSet-Cookie: a=b\r\n\r\n".encode()

    async def story(client):
        reader, writer = await asyncio.open_connection("localhost", int(client.address.rpartition(":")[2]))
        asked = f"GET /proxy/CRM%20API/trailers HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {client.key}\r\n\r\n"
        writer.write(asked.encode())
        raw = await reader.readuntil(b"0\r\n\r\n")
        writer.close()
        assert (b"fine" in raw, VALUE.encode() in raw, b"railer" in raw, b"ookie" in raw) == (True, *[False] * 3)
        async with client.ask("GET", "/trickle") as answer:
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()

    with connected(owner, Routes({"/trickle": trickling, "/trailers": trailers}), total_seconds=1) as (_, key):
        play(key, story)
    assert set(Run.objects.values_list("error_code", flat=True)) == {"", "upstream_timeout"}


def test_a_caller_who_sends_nothing_more_is_refused(owner):
    async def stuck():
        yield b"beginning"
        await asyncio.sleep(60)

    async def story(client):
        assert await client.problem("POST", "/x", data=stuck()) == (408, "request_timed_out")

    with connected(owner, lambda _, connection: connection.recv(1), idle_seconds=1) as (_, key):
        play(key, story, seconds=20)
    assert end_of_run() == ("failed", "request_timed_out", None)
