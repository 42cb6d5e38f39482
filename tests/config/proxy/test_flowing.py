"""Bodies that flow through a real server: as they arrive, searched, in little memory, and broken off if need be."""

import asyncio
import gzip
import json
import resource
import threading
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest

from accounts.common.database import in_database
from accounts.models import ApiKey, AuditEvent
from integrations.budgets.spending import budget_of, spent_today
from integrations.models import Run
from tests.peers.upstreams import http
from tests.support.api.passing import EVENTS, Echo, Routes, connected, end_of_run, play, until
from tests.support.things import VALUE

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

AUDIO = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nConnection: close\r\n\r\n"
MB = 1024 * 1024


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
