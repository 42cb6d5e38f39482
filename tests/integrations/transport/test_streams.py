"""Event streams against real sockets: heard piece by piece, left when that is enough, limited like everything."""

import asyncio
import gzip

import pytest

from integrations.errors import ResponseTooLarge, UpstreamTimeout
from integrations.transport.client import send
from tests.peers.tls_upstream import ok, upstream
from tests.support.integrations.calls import LOOPBACK, request

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: close\r\n\r\n"


class Ear:
    """Has enough once it heard a word."""

    def __init__(self, word=b"enough"):
        self.word, self.heard = word, b""

    async def __call__(self, piece):
        self.heard += piece
        return self.word in self.heard


async def heard(server, trusting, ear, **parts):
    outgoing = request(f"http://127.0.0.1:{server.port}/", **{"seconds": 5, **parts})
    return await send(outgoing, LOOPBACK, ssl_context=trusting, on_piece=ear)


async def test_a_stream_is_left_when_that_is_enough(trusting):
    gone = asyncio.Event()

    async def stay(reader, writer):
        for piece in (HEAD, b"data: one\n\n", b"data: enough\n\n"):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.05)
        await reader.read()
        gone.set()

    ear = Ear()
    async with upstream(stay) as server:
        response = await heard(server, trusting, ear)
        await asyncio.wait_for(gone.wait(), 5)
    assert response.body == ear.heard == b"data: one\n\ndata: enough\n\n"


async def test_other_answers_are_read_whole_and_not_heard(trusting):
    ear = Ear()
    async with upstream(ok(b"enough and more", b"Content-Type: application/json")) as server:
        assert (await heard(server, trusting, ear)).body == b"enough and more"
    assert ear.heard == b""


async def test_a_compressed_stream_is_read_whole_and_not_heard(trusting):
    ear, packed = Ear(), gzip.compress(b"data: enough\n\n")
    headers = (b"Content-Type: text/event-stream", b"Content-Encoding: gzip")
    async with upstream(ok(packed, *headers)) as server:
        assert (await heard(server, trusting, ear)).body == b"data: enough\n\n"
    assert ear.heard == b""


async def test_a_stream_that_is_never_enough_ends_at_its_limits(trusting):
    async def endless(_, writer):
        writer.write(HEAD)
        while True:
            writer.write(b": " + b"x" * 60_000 + b"\n")
            await writer.drain()

    async with upstream(endless) as server:
        with pytest.raises(ResponseTooLarge):
            await heard(server, trusting, Ear())

    async def drip(_, writer):
        writer.write(HEAD)
        while True:
            writer.write(b":\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with upstream(drip) as server:
        with pytest.raises(UpstreamTimeout):
            await heard(server, trusting, Ear(), seconds=0.4)


async def test_what_an_ear_refuses_is_what_the_caller_gets(trusting):
    async def refuse(piece):
        raise ResponseTooLarge("too many events")

    async with upstream(HEAD + b"data: x\n\n") as server:
        with pytest.raises(ResponseTooLarge, match="too many events"):
            await heard(server, trusting, refuse)
