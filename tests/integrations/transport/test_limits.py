"""Against real sockets on loopback: upstreams that are slow, huge, broken or gone."""

import asyncio
import gzip
import logging
import time
import tracemalloc

import pytest

from integrations.errors import ResponseTooLarge, ResponseUnreadable, UpstreamTimeout, UpstreamUnreachable
from integrations.transport.client import send
from tests.peers.tls_upstream import ok, upstream
from tests.support.integrations.calls import (
    CANARY,
    CLOSED,
    call,
    request,
)


async def test_a_slow_drip_ends_at_the_deadline(trusting):
    async def drip(_, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    started = time.monotonic()
    async with upstream(drip) as server:
        with pytest.raises(UpstreamTimeout):
            await call(server, trusting, seconds=0.4)
    assert time.monotonic() - started < 2


async def test_silence_ends_at_the_deadline(trusting):
    async def nothing(reader, _):
        await reader.read()

    async with upstream(nothing) as server:
        with pytest.raises(UpstreamTimeout):
            await call(server, trusting, seconds=0.3)


async def test_a_slow_lookup_counts_against_the_deadline(trusting):
    async def slow(host, port):
        await asyncio.sleep(30)

    started = time.monotonic()
    with pytest.raises(UpstreamTimeout):
        await send(request("https://api.example.com/", seconds=0.3), CLOSED, ssl_context=trusting, lookup=slow)
    assert time.monotonic() - started < 2


async def test_connecting_has_a_deadline_of_its_own(trusting, monkeypatch):
    async def slow(host, port):
        await asyncio.sleep(30)

    monkeypatch.setattr("integrations.transport.connections.CONNECT_SECONDS", 0.2)
    started = time.monotonic()
    with pytest.raises(UpstreamTimeout):
        await send(request("https://api.example.com/", seconds=30), CLOSED, ssl_context=trusting, lookup=slow)
    assert time.monotonic() - started < 2


GIANT_HEADERS = {
    "one long header": b"X: " + b"a" * 200_000 + b"\r\n",
    "many headers": b"".join(b"X-%d: a\r\n" % number for number in range(20_000)),
    "long headers": b"".join(b"X-%d: " % number + b"a" * 8_000 + b"\r\n" for number in range(25)),
    "one long name": b"X" * 200_000 + b": a\r\n",
}


@pytest.mark.parametrize("lines", GIANT_HEADERS.values(), ids=GIANT_HEADERS)
async def test_giant_headers_are_refused(lines, trusting):
    async with upstream(b"HTTP/1.1 200 OK\r\n" + lines + b"Content-Length: 0\r\n\r\n") as server:
        with pytest.raises((ResponseTooLarge, ResponseUnreadable)):
            await call(server, trusting)


async def test_a_giant_reason_is_refused(trusting):
    async with upstream(b"HTTP/1.1 200 " + b"a" * 200_000 + b"\r\nContent-Length: 0\r\n\r\n") as server:
        with pytest.raises((ResponseTooLarge, ResponseUnreadable)):
            await call(server, trusting)


async def test_a_body_of_the_limit_is_read_and_one_byte_more_is_not(trusting):
    for size, fits in ((1000, True), (1001, False)):
        async with upstream(ok(b"a" * size)) as server:
            if fits:
                assert len((await call(server, trusting, max_body=1000)).body) == size
            else:
                with pytest.raises(ResponseTooLarge):
                    await call(server, trusting, max_body=1000)


def endlessly(head: bytes, piece: bytes):
    async def write(_, writer):
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()

    return write


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
FLOODS = {
    "interim answers": (b"", INTERIM * 500),
    "giant interim answers": (b"", b"HTTP/1.1 103 Early Hints\r\n" + (b"X: " + b"a" * 8_000 + b"\r\n") * 7 + b"\r\n"),
    "a chunk's extension": (CHUNKED + b"1;x=", b"a" * 65_536),
    "chunks with extensions": (CHUNKED, (b"1;" + b"x" * 1000 + b"\r\na\r\n") * 50),
    "chunks of one byte": (CHUNKED, b"1\r\na\r\n" * 10_000),
    "trailers": (CHUNKED + b"1\r\na\r\n0\r\n", b"X: " + b"a" * 8_000 + b"\r\n"),
    "a status line": (b"HTTP/1.1 200 ", b"a" * 65_536),
    "a header": (b"HTTP/1.1 200 OK\r\nX: ", b"a" * 65_536),
    "a chunk's size": (CHUNKED, b"0" * 65_536),
    "line breaks": (b"", b"\r\n" * 32_768),
}


@pytest.mark.parametrize(("head", "piece"), FLOODS.values(), ids=FLOODS)
async def test_a_flood_of_what_holds_nothing_is_refused_long_before_the_deadline(head, piece, trusting):
    async with upstream(endlessly(head, piece)) as server:
        with pytest.raises((ResponseTooLarge, ResponseUnreadable)):
            await call(server, trusting, seconds=20)


async def test_one_interim_answer_too_many_is_refused(trusting):
    async with upstream(INTERIM * 17 + ok(b"fine")) as server:
        with pytest.raises(ResponseTooLarge, match="interim"):
            await call(server, trusting)


async def test_a_few_interim_answers_and_trailers_do_no_harm(trusting):
    chunked = CHUNKED + b"4;x=y\r\nfine\r\n0\r\nX-Trailer: " + CANARY.encode() + b"\r\n\r\n"
    for answer in (INTERIM * 16 + ok(b"fine"), chunked):
        async with upstream(answer) as server:
            response = await call(server, trusting)
        assert (response.body, CANARY in repr(response.headers)) == (b"fine", False)


async def test_an_endless_body_is_refused_at_the_limit(trusting):
    async def endless(_, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"a" * 65536)
            await writer.drain()

    async with upstream(endless) as server:
        with pytest.raises(ResponseTooLarge):
            await call(server, trusting)


async def test_a_gzip_bomb_is_refused_with_little_memory(trusting):
    bomb = gzip.compress(b"\0" * 200_000_000, compresslevel=9)
    async with upstream(ok(bomb, b"Content-Encoding: gzip")) as server:
        tracemalloc.start()
        try:
            with pytest.raises(ResponseTooLarge):
                await call(server, trusting)
            assert tracemalloc.get_traced_memory()[1] < 20_000_000
        finally:
            tracemalloc.stop()


async def test_a_compressed_answer_is_read(trusting):
    async with upstream(ok(gzip.compress(b"plain"), b"Content-Encoding: GZIP")) as server:
        response = await call(server, trusting)
    assert (response.body, response.readable) == (b"plain", True)


@pytest.mark.parametrize(
    "lines",
    [
        (b"Content-Encoding: br",),
        (b"Content-Encoding: gzip",),
        (b"Content-Encoding: gzip, gzip",),
        (b"Content-Encoding: gzip", b"Content-Encoding: br"),
    ],
)
async def test_a_body_that_cannot_be_checked_does_not_come_back(lines, trusting):
    async with upstream(ok(CANARY.encode(), *lines)) as server:
        response = await call(server, trusting)
    assert (response.body, response.readable) == (b"", False)


@pytest.mark.parametrize("coding", [b"gzip", b"gzip, chunked", b"deflate,chunked"])
async def test_a_coding_of_the_transfer_covers_the_body_like_one_of_the_content(coding, trusting):
    body = b"4\r\n" + CANARY[:4].encode() + b"\r\n0\r\n\r\n" if b"chunked" in coding else CANARY.encode()
    async with upstream(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + coding + b"\r\n\r\n" + body) as server:
        response = await call(server, trusting)
    assert (response.body, response.readable) == (b"", False)


BROKEN = {
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "garbage": bytes(range(256)),
    "shorter than announced": ok(CANARY.encode(), length=1000),
    "chunk that lies": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n" + CANARY.encode(),
    "chunk size that is none": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + CANARY.encode(),
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "status that is none": b"HTTP/1.1 abc OK\r\n\r\n",
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
async def test_a_broken_answer_is_unreadable_and_not_quoted(answer, trusting, caplog):
    caplog.set_level(logging.DEBUG)
    async with upstream(answer) as server:
        with pytest.raises(ResponseUnreadable) as caught:
            await call(server, trusting, headers=[("X-Key", CANARY)])
    assert CANARY not in repr(caught.value) + caplog.text
    assert caught.value.__cause__ is None


async def test_a_connection_closed_without_an_answer_is_unreachable(trusting):
    async with upstream(b"") as server:
        with pytest.raises(UpstreamUnreachable):
            await call(server, trusting)


async def test_a_head_that_ends_early_is_no_answer(trusting):
    async with upstream(b"HTTP/1.1 200 OK\r\nX: ") as server:
        with pytest.raises((UpstreamUnreachable, ResponseUnreadable)):
            await call(server, trusting)


async def test_a_refused_connection_is_unreachable(trusting):
    async with upstream(b"") as server:
        pass
    with pytest.raises(UpstreamUnreachable):
        await call(server, trusting)


async def test_a_name_that_does_not_exist_is_unreachable(trusting):
    async def unknown(host, port):
        raise OSError(-2, "Name or service not known")

    with pytest.raises(UpstreamUnreachable) as caught:
        await send(request("https://api.example.com/"), CLOSED, ssl_context=trusting, lookup=unknown)
    assert caught.value.detail == "The name api.example.com could not be resolved."
