"""Bodies that flow through a real server: as they arrive, searched, in little memory, and broken off if need be."""

import asyncio
import gzip
import json
import resource
import threading
import time
from decimal import Decimal
from pathlib import Path

import aiohttp
import psycopg
import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts.access.api_keys import revoke_api_key
from accounts.common.database import in_database
from accounts.models import ApiKey, AuditEvent
from integrations.broker.streams import watching
from integrations.budgets.spending import budget_of, spent_today
from integrations.models import Integration, Run
from tests.peers.upstreams import http
from tests.support.api.passing import Echo, Routes, connected, play
from tests.support.things import VALUE, make_connection

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
AUDIO = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nConnection: close\r\n\r\n"
MB = 1024 * 1024


def end_of_run():
    run = Run.objects.get()
    return run.outcome, run.error_code, run.status


async def until(check, seconds=5.0):
    """Wait until a check holds."""
    async with asyncio.timeout(seconds):
        while not await in_database(check):
            await asyncio.sleep(0.02)


def test_events_arrive_while_the_answer_goes_on(owner):
    heard = threading.Event()

    def answer(_, connection):
        connection.sendall(EVENTS + b'data: {"n": 1}\n\n')
        heard.wait(10)
        connection.sendall(f'data: {{"n": "{VALUE}"}}\n\ndata: [DONE]\n\n'.encode())

    async def story(client):
        async with client.ask("POST", "/v1/chat", json={"stream": True}) as answer:
            assert await answer.content.readuntil(b"\n\n") == b'data: {"n": 1}\n\n'
            heard.set()
            assert await answer.read() == b'data: {"n": "[redacted]"}\n\ndata: [DONE]\n\n'

    with connected(owner, answer) as (_, key):
        play(key, story)
    assert end_of_run() == ("succeeded", "", 200)


def test_what_a_stream_says_that_it_cost_is_counted(owner):
    events = b'data: {"delta": "Hi"}\n\ndata: {"usage": {"total": 30}}\n\ndata: [DONE]\n\n'

    async def story(client):
        async with client.ask("POST", "/x") as answer:
            assert await answer.read() == events

    with connected(owner, lambda _, connection: connection.sendall(EVENTS + events)) as (connection, key):
        connection.daily_cost = "5"
        connection.costs = {"pass_through": {"field": "/usage/total", "each": "0.01"}}
        connection.save()
        play(key, story)
    assert spent_today(budget_of(connection)).cost == Decimal("0.30")


def test_answers_without_a_body(owner):
    cases = [
        ("HEAD", "200 OK", ("Content-Length: 1234",), "1234"),
        ("GET", "204 No Content", (), None),
        ("GET", "304 Not Modified", ('ETag: "a"',), None),
        ("GET", "404 Not Found", ("Content-Length: 0",), None),
        ("GET", "503 Service Unavailable", ("Content-Length: 0", "Retry-After: 5"), None),
    ]
    lines = {f"/{at}": ["HTTP/1.1 " + status, *sent, "", ""] for at, (_, status, sent, _) in enumerate(cases)}

    async def story(client):
        for at, (method, status, _, length) in enumerate(cases):
            async with client.ask(method, f"/{at}") as answer:
                assert (answer.status, await answer.read()) == (int(status[:3]), b"")
                assert answer.headers.get("Content-Length") == length
                assert "Coffer-Error" not in answer.headers

    with connected(owner, Routes({path: "\r\n".join(head).encode() for path, head in lines.items()})) as (_, key):
        play(key, story)
    outcomes = ["succeeded"] * 2 + ["upstream_error"] * 3
    assert list(Run.objects.order_by("started_at").values_list("outcome", flat=True)) == outcomes


def test_what_can_be_searched_goes_on_and_what_cannot_is_withheld(owner):
    cases = {
        "/gzip": (http(gzip.compress(b"plain"), headers=("Content-Encoding: gzip",)), b"plain"),
        "/identity": (http(b"plain", headers=("Content-Encoding: identity",)), b"plain"),
        "/br": (http(b"packed", headers=("Content-Encoding: br",)), None),
        "/utf-7": (http(b"x", headers=("Content-Type: text/plain; charset=utf-7",)), None),
    }

    async def story(client):
        for path, (_, body) in cases.items():
            async with client.ask("GET", path) as found:
                received = await found.read()
                if body is None:
                    document = json.loads(received)
                    assert (found.status, document["code"]) == (502, "answer_withheld")
                    assert (document["withheld"]["code"], document["upstream_status"]) == ("unknown_encoding", 200)
                else:
                    assert (received, "Content-Encoding" in found.headers) == (body, False)

    with connected(owner, Routes({path: answer for path, (answer, _) in cases.items()})) as (_, key):
        play(key, story)
    ended = list(Run.objects.order_by("started_at").values_list("outcome", "error_code", "status"))
    assert ended == [("succeeded", "", 200)] * 2 + [("failed", "answer_withheld", 200)] * 2


def test_a_value_that_cannot_be_cut_out_ends_the_answer_where_it_stands(owner):
    hidden = "".join(f"%25{ord(letter):02x}" for letter in VALUE).encode()
    text = b"a text that is all right. " * 100

    async def story(client):
        async with client.ask("GET", "/x") as answer:
            received = b""
            with pytest.raises(aiohttp.ClientPayloadError):
                async for piece in answer.content.iter_any():
                    received += piece
            assert text.startswith(received[: len(text)])
            assert hidden[:24] not in received

    with connected(owner, lambda _, c: c.sendall(http(text + hidden + text))) as (_, key):
        play(key, story)
    assert end_of_run() == ("failed", "answer_withheld", 200)


def test_what_holds_a_value_is_not_sent(owner):
    echo = Echo(body=b"fine")

    async def letters():
        for letter in VALUE:
            yield letter.encode()

    form = aiohttp.FormData()
    form.add_field("file", VALUE, filename="note.txt")
    cases = [
        {"path": f"/x?q={VALUE}"},
        {"path": f"/{VALUE}"},
        {"headers": {"X-Note": VALUE}},
        {"json": {"prompt": f"The key is {VALUE}."}},
        {"data": form},
        {"data": "".join(f"%{ord(letter):02x}" for letter in VALUE)},
        {"data": letters()},
    ]

    async def story(client):
        for case in cases:
            await in_database(ApiKey.objects.update, secrets_in_arguments=0, suspended_at=None)
            path, headers = case.pop("path", "/x"), case.pop("headers", {})
            headers |= {"Authorization": f"Bearer {client.key}"}
            found = await client.problem("POST", path, headers=headers, **case)
            assert found == (422, "argument_contains_secret"), case

    with connected(owner, echo) as (_, key):
        play(key, story)
    assert not any(VALUE.encode() in one.partition(b"X-Key: ")[0] for one in echo.received)
    assert set(Run.objects.values_list("error_code", flat=True)) == {"argument_contains_secret"}
    assert AuditEvent.objects.filter(event="integration.secret_in_arguments").count() == len(cases)


def test_a_body_that_is_compressed_is_not_sent(owner):
    async def story(client):
        headers = {"Authorization": f"Bearer {client.key}", "Content-Encoding": "gzip"}
        packed = gzip.compress(VALUE.encode())
        assert await client.problem("POST", "/x", headers=headers, data=packed) == (422, "invalid_arguments")

    echo = Echo()
    with connected(owner, echo) as (_, key):
        play(key, story)
    assert echo.received == []


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
    async def gone(*args):
        raise OperationalError from psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr("integrations.broker.ends.finish", gone)

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

    async def story(client):
        assert await client.problem("GET", "/first", at="first") == (504, "upstream_timeout")
        for name in ("idle", "total"):
            async with client.ask("GET", f"/{name}", at=name) as answer:
                with pytest.raises(aiohttp.ClientPayloadError):
                    await answer.read()
        for name in ("first", "idle"):  # each of them is no limit of the others
            async with client.ask("GET", "/total", at=name) as answer:
                assert await answer.read() == b"data: one\n\ndata: two\n\n"

    with connected(owner, respond) as (connection, key):
        limits = {"first": {"first_byte_seconds": 1}, "idle": {"idle_seconds": 1}, "total": {"total_seconds": 1}}
        for name, limit in limits.items():
            make_connection(owner, name=name, **{**connection.config, **limit})
        play(key, story)
    ended = Run.objects.order_by("started_at").values_list("outcome", "error_code", "status")
    assert list(ended)[:3] == [("failed", "upstream_timeout", status) for status in (None, 200, 200)]


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


def memory():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_an_upload_of_100_mb_takes_little_memory(owner):
    received, most = 0, 0

    def answer(request, connection):
        nonlocal received
        received = len(request)
        while not request.endswith(b"0\r\n\r\n"):
            request = request[-5:] + connection.recv(MB)
            received += len(request) - 5
        connection.sendall(http(b"done"))

    piece = (b"Some text that somebody uploads, with words and 12345 numbers. " * 1100)[: 64 * 1024]

    async def pieces():
        nonlocal most
        for _ in range(1600):
            yield piece
            most = max(most, memory())

    async def story(client):
        before = memory()
        async with client.ask("POST", "/files", data=pieces()) as answer:
            assert (answer.status, await answer.read()) == (200, b"done")
        assert most - before < 48 * MB

    with connected(owner, answer) as (_, key):
        play(key, story, seconds=120)
    assert received >= 100 * MB
    assert Run.objects.get().sent_bytes == 100 * MB


def test_a_reader_who_takes_nothing_holds_little_and_is_left(owner):
    written = 0

    def answer(_, connection):
        nonlocal written
        connection.sendall(AUDIO)
        while written < 64 * MB:
            connection.sendall(bytes(64 * 1024))
            written += 64 * 1024

    async def story(client):
        reader, writer = await asyncio.open_connection("localhost", int(client.address.rpartition(":")[2]), limit=1024)
        head = f"GET /proxy/CRM%20API/x HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {client.key}\r\n\r\n"
        writer.write(head.encode())
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        await until(lambda: Run.objects.get().outcome != "started", 15)
        writer.close()

    with connected(owner, answer, idle_seconds=1) as (_, key):
        play(key, story)
    assert written < 24 * MB  # what sockets hold
    assert end_of_run()[:2] == ("failed", "request_timed_out")
