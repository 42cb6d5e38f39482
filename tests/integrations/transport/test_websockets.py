"""WebSockets to real servers on loopback: what works, where none is opened, and what upstreams get wrong."""

import asyncio
import logging
from contextlib import asynccontextmanager, suppress

import pytest
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from accounts.errors import Refusal
from integrations.transport import websockets
from integrations.transport.websockets import Handshake, HandshakeAnswered, UpstreamEnded, opened
from tests.peers.raw_websockets import BINARY, CLOSE, PING, TEXT, answering_with, frame, switching
from tests.peers.tls_upstream import upstream
from tests.peers.upstreams import closed_port
from tests.support.integrations.calls import CANARY, CLOSED, LOOPBACK, request

QUIET = logging.Logger("upstream")  # noqa: LOG001 - apart from what a test looks through
"""Of servers in tests, which may write down what they get."""


def handshake(url, *protocols, headers=(), seconds=5.0):
    return Handshake(request(url, headers=[("Authorization", CANARY), *headers]), protocols, seconds)


@pytest.fixture
def connect(trusting):
    @asynccontextmanager
    async def connect(url, *protocols, policy=LOOPBACK, **fields):
        async def lookup(host, port):
            return ["127.0.0.1"]

        asked = handshake(url, *protocols, **fields)
        async with opened(asked, policy, ssl_context=trusting, lookup=lookup) as socket:
            yield socket

    return connect


def address_of(server):
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def raised_by(call):
    with pytest.raises((Refusal, HandshakeAnswered, UpstreamEnded)) as raised:
        async with call as socket:
            while True:
                await socket.receive()
    assert CANARY not in str(raised.value) and raised.value.__cause__ is None
    return raised.value


async def test_messages_go_both_ways_over_tcp_and_tls(connect, authority, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    seen = []

    async def echo(socket):
        seen.append(socket.request)
        with suppress(ConnectionClosed):
            async for message in socket:
                await socket.send(message)
        seen.append((socket.close_code, socket.close_reason))

    for tls, scheme in ((None, "http"), (authority.serving("voice.test", tmp_path), "https")):
        host = "voice.test" if tls else "127.0.0.1"
        async with serve(
            echo, "127.0.0.1", 0, subprotocols=["realtime", "v2"], ssl=tls, max_size=None, logger=QUIET
        ) as server:
            port = server.sockets[0].getsockname()[1]
            address = f"{scheme}://{host}:{port}/v1/a%2Fb?model=x%20y"
            async with connect(address, "v1", "realtime", headers=[("X-Beta", "1")]) as socket:
                assert socket.protocol == "realtime"
                for message in ("grüß dich", b"\x00\xff", "", "x" * 1_000_000, bytes(websockets.LARGEST_MESSAGE)):
                    await socket.send(message)
                    assert await socket.receive() == message
                await socket.close(4001, "done")
        head = seen[0]
        assert (head.path, head.headers["Authorization"], head.headers["X-Beta"]) == (
            "/v1/a%2Fb?model=x%20y", CANARY, "1",
        )  # fmt: skip
        assert head.headers["Host"] == f"{host}:{port}" and head.headers["Sec-WebSocket-Protocol"] == "v1, realtime"
        assert "Sec-WebSocket-Extensions" not in head.headers and head.headers["Accept-Encoding"] == "identity"
        assert seen.pop() == (4001, "done") and seen.pop() is head
    assert CANARY not in caplog.text


async def test_an_upstream_that_sends_faster_than_anybody_takes_waits(connect):
    waits, sent = asyncio.Event(), 0

    async def pour(socket):
        nonlocal sent
        while sent < 1000:
            sending = asyncio.create_task(socket.send(bytes(1_000_000)))
            if not (await asyncio.wait({sending}, timeout=0.5))[0]:
                waits.set()
            await sending
            sent += 1

    async with serve(pour, "127.0.0.1", 0) as server, connect(address_of(server)) as socket:
        await waits.wait()
        before = sent
        assert before < 40
        for _ in range(50):
            await socket.receive()
        assert sent > before


async def test_where_no_socket_may_be_opened_nothing_is_sent(connect, tmp_path, authority):
    async with upstream(b"") as server:
        base = f"http://127.0.0.1:{server.port}"
        for call, code in (
            (connect(f"{base}/", policy=CLOSED), "egress_denied"),
            (connect("http://169.254.169.254/"), "egress_denied"),
            (connect(f"{base}/", headers=[("X", "a\r\nY: b")]), "invalid_header_value"),
            (connect(f"http://127.0.0.1:{closed_port()}/"), "upstream_unreachable"),
        ):
            assert (await raised_by(call)).code == code
        assert server.connections == 0
    other = authority.serving("other.test", tmp_path)
    async with upstream(b"", tls=other) as server:
        refusal = await raised_by(connect(f"https://voice.test:{server.port}/"))
        assert (refusal.code, server.received) == ("upstream_tls", [])


NOT_OPENED = {
    "no answer": (lambda request: b"", "upstream_timeout"),
    "half a head": (lambda request: b"HTTP/1.1 101 Switching Protocols\r\nUpgr", "upstream_timeout"),
    "another protocol": (lambda request: b"SSH-2.0-OpenSSH_9.2\r\n", "response_unreadable"),
    "wrong accept key": (lambda request: switching(request, accept=b"AAAA"), "response_unreadable"),
    "no upgrade": (lambda request: b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "response_unreadable"),
    "an extension": (
        lambda request: switching(request, b"Sec-WebSocket-Extensions: permessage-deflate"), "response_unreadable",
    ),
    "a protocol that nobody offered": (
        lambda request: switching(request, b"Sec-WebSocket-Protocol: soap"), "response_unreadable",
    ),
    "too many headers": (lambda request: switching(request, *[b"X-A: b"] * 10_000), "response_unreadable"),
    "an endless header": (lambda request: switching(request, b"X-A: " + b"a" * 1_000_000), "response_unreadable"),
}  # fmt: skip


async def test_a_handshake_that_is_none_becomes_a_refusal(connect):
    for name, (answer, code) in NOT_OPENED.items():
        async with answering_with(answer) as server:
            refusal = await raised_by(connect(f"http://127.0.0.1:{server.port}/", "realtime", seconds=0.5))
        assert refusal.code == code, name
    async with answering_with(lambda request: b"", stays=False) as server:
        assert (await raised_by(connect(f"http://127.0.0.1:{server.port}/"))).code == "upstream_unreachable"


async def test_another_answer_than_101_is_given_out_and_no_redirect_is_followed(connect):
    async with upstream(b"") as elsewhere:
        for status, headers, body in (
            (b"401 Unauthorized", [b"X-Why: key"], b'{"error": 1}'),
            (b"302 Found", [b"Location: http://127.0.0.1:%d/" % elsewhere.port], b""),
            (b"200 OK", [b"Content-Encoding: gzip"], b"\x1f\x8b"),
        ):
            length = [b"Content-Length: %d" % len(body)]
            raw = b"\r\n".join([b"HTTP/1.1 " + status, *length, *headers]) + b"\r\n\r\n" + body
            async with answering_with(lambda request, raw=raw: raw) as server:
                response = (await raised_by(connect(f"http://127.0.0.1:{server.port}/"))).response
            assert response.status == int(status[:3]) and response.reason == status[4:]
            name, _, value = headers[0].partition(b": ")
            assert (name, value) in response.headers
            assert (response.body, response.readable) == ((body, True) if status[:3] != b"200" else (b"", False))
        assert elsewhere.connections == 0


BREACH = "127.0.0.1 broke the WebSocket protocol."
ENDS = {
    "a reason": (frame(CLOSE, b"\x0f\xa7Bye"), (4007, "Bye", True)),
    "no code": (frame(CLOSE, b""), (1000, "", True)),
    "a ping between fragments": (
        frame(TEXT, b"a", final=False) + frame(PING, b"x") + frame(0, b"b") + frame(CLOSE, b"\x03\xe8"),
        (1000, "", True),
    ),
    "a reserved code": (frame(CLOSE, b"\x03\xed"), (1014, BREACH, False)),
    "a reserved bit": (frame(TEXT, b"a", reserved=4), (1014, BREACH, False)),
    "an unknown opcode": (frame(5, b"a"), (1014, BREACH, False)),
    "a masked frame": (b"\x81\x81abcdx", (1014, BREACH, False)),
    "a large ping": (frame(PING, b"x" * 126), (1014, BREACH, False)),
    "a fragment of nothing": (frame(0, b"a"), (1014, BREACH, False)),
    "text that is none": (frame(TEXT, b"\xff\xfe"), (1014, "127.0.0.1 sent text that is not UTF-8.", False)),
    "a message too large": (
        frame(BINARY, b"", claimed=websockets.LARGEST_MESSAGE + 1),
        (1009, "A message is larger than 16777216 bytes.", False),
    ),
    "fragments too large": (
        frame(BINARY, bytes(10_000_000), final=False) + frame(0, bytes(10_000_000)),
        (1009, "A message is larger than 16777216 bytes.", False),
    ),
}  # fmt: skip


async def test_what_came_before_the_end_is_given_out(connect):
    said = frame(TEXT, b"a") + frame(BINARY, b"b") + frame(TEXT, b"c") + frame(CLOSE, b"")
    server = answering_with(lambda request: switching(request) + said)
    async with server as state, connect(f"http://127.0.0.1:{state.port}/") as socket:
        assert [await socket.receive() for _ in range(3)] == ["a", b"b", "c"]
        with pytest.raises(UpstreamEnded):
            await socket.send("d")


async def test_an_end_is_told_as_it_was_and_a_breach_ends_the_connection(connect, monkeypatch):
    monkeypatch.setattr(websockets, "CLOSE_SECONDS", 0.2)
    for name, (frames, end) in ENDS.items():
        async with answering_with(lambda request, frames=frames: switching(request) + frames) as server:
            ended = await raised_by(connect(f"http://127.0.0.1:{server.port}/"))
        assert (ended.code, ended.reason, ended.is_closed) == end, name
    async with answering_with(lambda request: switching(request) + frame(TEXT, b"a")[:2], stays=False) as server:
        ended = await raised_by(connect(f"http://127.0.0.1:{server.port}/"))
    assert (ended.code, ended.reason, ended.is_closed) == (1014, "127.0.0.1 broke off.", False)


async def test_an_upstream_that_answers_no_ping_is_left(connect, monkeypatch):
    monkeypatch.setattr(websockets, "PING_SECONDS", 0.2)
    monkeypatch.setattr(websockets, "CLOSE_SECONDS", 0.2)
    async with answering_with(switching) as server:
        ended = await raised_by(connect(f"http://127.0.0.1:{server.port}/"))
    assert (ended.code, ended.reason) == (1014, "127.0.0.1 answered no ping.")


async def test_leaving_ends_the_connection_at_once(connect):
    left = asyncio.Event()

    async def wait(socket):
        try:
            await socket.recv()
        finally:
            left.set()

    async with serve(wait, "127.0.0.1", 0) as server:
        async with connect(address_of(server)):
            assert not left.is_set()
        async with asyncio.timeout(5):
            await left.wait()
