"""Requests and responses that flow, against real sockets: passed on as they arrive, bounded, left at once."""

import asyncio
import gzip
import zlib
from contextlib import asynccontextmanager

import pytest
from yarl import URL

from accounts.errors import Refusal, RequestTimedOut
from integrations.exchange.messages import OutgoingRequest
from integrations.exchange.streams import Deadlines, Upload
from integrations.transport.connections import keeping_connections
from integrations.transport.streams import streamed
from secrets_app.redaction.redactor import Reason
from tests.peers.tls_upstream import ok, upstream
from tests.support.integrations.calls import LOOPBACK

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
UNTIL_END = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n"
LONG = Deadlines(5, 5, 20)
BIG = 64 * 1024 * 1024


def flowing(server, trusting, *, method="GET", deadlines=LONG, upload=None, **more):
    request = OutgoingRequest(method, URL(f"http://127.0.0.1:{server.port}/x"), (), None, 5)
    return streamed(request, LOOPBACK, ssl_context=trusting, deadlines=deadlines, upload=upload, **more)


async def whole(server, trusting, **more):
    async with flowing(server, trusting, **more) as response:
        return b"".join([piece async for piece in response.pieces()])


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


@asynccontextmanager
async def refused(code):
    with pytest.raises(Refusal) as refusal:
        yield
    assert refusal.value.code == code


async def test_pieces_arrive_before_the_response_has_ended(trusting):
    more = asyncio.Event()

    async def slowly(reader, writer):
        writer.write(CHUNKED + chunk(b"data: one\n\n"))
        await more.wait()
        writer.write(chunk(b"data: two\n\n") + b"0\r\n\r\n")

    async with upstream(slowly) as server, flowing(server, trusting) as response:
        pieces = response.pieces()
        assert (response.head.status, await anext(pieces)) == (200, b"data: one\n\n")
        more.set()
        assert [piece async for piece in pieces] == [b"data: two\n\n"]
        assert response.received == 22


@pytest.mark.parametrize("length", [10, None])
async def test_an_upload_flows_piece_by_piece(trusting, length):
    arrived = []

    async def both_ways(reader, writer):
        writer.write(CHUNKED)
        for _ in range(2):
            arrived.append(await reader.readuntil(b"12345" if length else b"12345\r\n"))
            writer.write(chunk(b"got it"))
        writer.write(b"0\r\n\r\n")

    heard = asyncio.Queue()

    async def pieces():
        yield b"12345"
        await heard.get()
        yield b"12345"

    upload = Upload(pieces(), length)
    async with (
        upstream(both_ways, listens=False) as server,
        flowing(server, trusting, method="POST", upload=upload) as response,
    ):
        async for piece in response.pieces():
            heard.put_nowait(piece)
    head = arrived[0].lower()
    assert (b"content-length: 10" in head, b"transfer-encoding: chunked" in head) == (length == 10, length is None)
    assert heard.qsize() == 1


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(b"plain") + gzip.compress(b" text")),
        ("deflate", zlib.compress(b"plain text")),
        ("deflate", zlib.compress(b"plain text", wbits=-15)),
        ("identity", b"plain text"),
    ],
)
async def test_what_is_compressed_all_the_same_is_decompressed(trusting, coding, packed):
    async def bytewise(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\n\r\n" % coding.encode())
        for byte in packed:
            writer.write(bytes([byte]))
            await writer.drain()

    async with upstream(bytewise) as server:
        assert await whole(server, trusting) == b"plain text"


async def test_little_that_becomes_much_comes_in_small_pieces(trusting):
    async with (
        upstream(ok(gzip.compress(bytes(BIG)), b"Content-Encoding: gzip")) as server,
        flowing(server, trusting) as response,
    ):
        sizes = [len(piece) async for piece in response.pieces()]
    assert (sum(sizes), max(sizes) <= 65_536) == (BIG, True)


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "zstd", "made-up"])
async def test_other_codings_are_withheld(trusting, coding):
    async with (
        upstream(ok(b"x", b"Content-Encoding: " + coding.encode())) as server,
        flowing(server, trusting) as response,
    ):
        assert response.withheld is Reason.ENCODING


@pytest.mark.parametrize("packed", [gzip.compress(b"plain")[:-4], b"\x1f\x8bno gzip", zlib.compress(b"x") + b"more"])
async def test_a_coding_that_the_bytes_belie_is_unreadable(trusting, packed):
    coding = b"deflate" if packed.endswith(b"more") else b"gzip"
    async with upstream(ok(packed, b"Content-Encoding: " + coding)) as server, refused("response_unreadable"):
        await whole(server, trusting)


async def after(seconds, writer, *pieces):
    for piece in pieces:
        await asyncio.sleep(seconds)
        writer.write(piece)
        await writer.drain()


async def test_each_deadline_counts_for_itself(trusting):
    async def hesitant(reader, writer):
        await after(0.5, writer, CHUNKED, chunk(b"x"), b"0\r\n\r\n")

    async def runs_out(server, deadlines):
        async with refused("upstream_timeout"):
            await whole(server, trusting, deadlines=deadlines)

    async with upstream(hesitant) as server:
        first_byte, idle, total = Deadlines(0.2, 5, 5), Deadlines(5, 0.2, 5), Deadlines(5, 5, 0.9)
        *_, answer = await asyncio.gather(
            *(runs_out(server, deadlines) for deadlines in (first_byte, idle, total)), whole(server, trusting)
        )
    assert answer == b"x"


async def test_an_upload_that_goes_on_is_no_silence_of_the_upstream(trusting):
    async def pieces():
        for _ in range(4):
            await asyncio.sleep(0.2)
            yield b"x"

    upload = Upload(pieces(), 4)
    async with upstream(ok(b"fine")) as server:
        assert await whole(server, trusting, method="POST", upload=upload, deadlines=Deadlines(0.5, 0.5, 5)) == b"fine"


async def test_whoever_leaves_ends_the_call_at_once(trusting):
    gone = asyncio.Event()

    async def endless(reader, writer):
        writer.write(CHUNKED + chunk(b"one"))
        await reader.read()
        gone.set()

    async with upstream(endless) as server, keeping_connections():
        async with flowing(server, trusting, owner=None) as response:
            assert await anext(response.pieces()) == b"one"
        await asyncio.wait_for(gone.wait(), 5)


async def test_a_reader_who_takes_nothing_holds_little(trusting):
    written = 0

    async def much(reader, writer):
        nonlocal written
        writer.write(UNTIL_END)
        while written < BIG:
            writer.write(bytes(65_536))
            await asyncio.wait_for(writer.drain(), 1)
            written += 65_536

    async with upstream(much) as server, flowing(server, trusting):
        await asyncio.sleep(0.5)
    assert written < BIG / 4  # what the sockets of both sides hold, and not what was sent


@pytest.mark.parametrize("is_chunked", [True, False])
async def test_a_reader_who_pauses_gets_everything(trusting, is_chunked):
    sent = b"".join(b"%07d\n" % number for number in range(BIG // 128))

    async def at_once(reader, writer):
        writer.write(CHUNKED + chunk(sent) + b"0\r\n\r\n" if is_chunked else UNTIL_END + sent)
        await writer.drain()

    async with upstream(at_once) as server, flowing(server, trusting) as response:
        await asyncio.sleep(0.2)
        taken = [piece async for piece in response.pieces()]
    assert b"".join(taken) == sent


async def test_an_upstream_that_takes_nothing_holds_little(trusting):
    asked = 0

    async def pieces():
        nonlocal asked
        while asked < BIG:
            asked += 65_536
            yield bytes(65_536)

    async def deaf(reader, writer):
        reader._transport.pause_reading()
        await asyncio.sleep(3)

    deadlines = Deadlines(0.5, 0.5, 5)
    async with upstream(deaf, listens=False) as server, refused("upstream_timeout"):
        await whole(server, trusting, method="POST", upload=Upload(pieces(), BIG), deadlines=deadlines)
    assert asked < BIG / 4


async def test_what_stops_an_upload_is_what_the_caller_gets(trusting):
    async def pieces():
        yield b"x"
        raise RequestTimedOut("too slow")

    async def wait(reader, writer):
        await reader.read()

    async with upstream(wait, listens=False) as server, refused("request_timed_out"):
        await whole(server, trusting, method="POST", upload=Upload(pieces(), None))


async def test_an_answer_before_the_end_of_the_upload_counts(trusting):
    async def pieces():
        yield b"x"
        await asyncio.sleep(60)

    async with upstream(ok(b"no thanks"), listens=False) as server:
        assert await whole(server, trusting, method="POST", upload=Upload(pieces(), 1000)) == b"no thanks"


FLOOD = b"x" * 65_536


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ([b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"], "response_unreadable"),
        ([b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n"], "response_unreadable"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"], "response_unreadable"),
        ([CHUNKED, chunk(b"x"), b"zz\r\n"], "response_unreadable"),
        ([CHUNKED, chunk(b"x"), b"1;", *[FLOOD] * 40], "response_too_large"),
        ([CHUNKED, chunk(b"x"), b"0\r\n", b"A: ", *[FLOOD] * 40], "response_unreadable"),
        ([b"HTTP/1.1 200 OK\r\nA: ", *[FLOOD] * 40], "response_too_large"),
        ([b"HTTP/1.1 103 Early\r\n\r\n"] * 40, "response_too_large"),
        ([b"SSH-2.0-x\r\n"], "response_unreadable"),
        ([], "upstream_unreachable"),
    ],
)
async def test_what_is_no_response_or_too_much_of_one(trusting, answer, code):
    async def write(reader, writer):
        await after(0, writer, *answer)

    async with upstream(write) as server:
        with pytest.raises(Refusal) as refusal:
            await whole(server, trusting)
    assert refusal.value.code == code


async def test_trailers_do_not_go_on_and_a_long_body_has_no_limit(trusting):
    async def much(reader, writer):
        await after(0, writer, CHUNKED, *[chunk(bytes(1 << 20))] * 8, b"0\r\nX-Checksum: 1\r\n\r\n")

    async with upstream(much) as server, flowing(server, trusting) as response:
        size = sum([len(piece) async for piece in response.pieces()])
        names = {name.lower() for name, _ in response.head.headers}
    assert (size, names) == (8 << 20, {b"transfer-encoding"})


async def test_a_connection_whose_bodies_are_through_is_used_again(trusting):
    async def twice(reader, writer):
        for _ in range(2):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ok(b"fine"))

    async with upstream(twice, listens=False) as server, keeping_connections():
        for _ in range(2):
            owner = ("organization", "integration", "staging")
            assert await whole(server, trusting, owner=owner) == b"fine"
    assert server.connections == 1
