"""Which calls share a connection, and which never do."""

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
import time

import pytest

from accounts.errors import Refusal
from integrations.egress.destinations import uncached_url
from integrations.egress.policy import EgressPolicy
from integrations.exchange.messages import OutgoingRequest
from integrations.transport import connections
from integrations.transport.client import send
from integrations.transport.connections import JudgedConnector, keeping_connections, pool_here
from tests.peers.tls_upstream import read_request
from tests.support.integrations.calls import Names

LOOPBACK = EgressPolicy.parse("127.0.0.1/32")
ONE, OTHER = 1, 2
OWNER = (ONE, ONE, "staging")


class Server:
    """Answers on connections that stay open, and notes on which one each request came."""

    def __init__(self):
        self.requests, self.connections = [], 0
        self.with_answer = self.after_answer = self.headers = b""
        self.heard = lambda head: None
        self.answers_at_most, self.answers_after = 1000, 0.0

    async def serve(self, reader, writer):
        self.connections += 1
        number, answered = self.connections, 0
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                self.heard(await read_request(reader))
                self.requests.append(number)
                if answered == self.answers_at_most:
                    break
                answered += 1
                await asyncio.sleep(self.answers_after)
                writer.write(
                    b"HTTP/1.1 200 OK\r\n" + self.headers + b"Content-Length: 4\r\n\r\nfine" + self.with_answer
                )
                await writer.drain()
                if self.after_answer:
                    await asyncio.sleep(0.02)
                    writer.write(self.after_answer)
        writer.close()


@pytest.fixture
async def server():
    made = Server()
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    yield made
    listening.close()


def ask(server, trusting, owner=OWNER, *, method="GET", path="/", host="127.0.0.1", policy=LOOPBACK, **more):
    url = uncached_url("http", f"{host}:{server.port}", path, "")
    request = OutgoingRequest(method, url, (), b"x" if method == "POST" else None, 5)
    return send(request, policy, ssl_context=trusting, owner=owner, **more)


async def test_calls_of_one_integration_share_a_connection(server, trusting):
    async with keeping_connections():
        answers = [await ask(server, trusting) for _ in range(3)]
    assert [answer.body for answer in answers] == [b"fine"] * 3
    assert server.requests == [1, 1, 1]


@pytest.mark.parametrize(
    "other",
    [(ONE, OTHER, "staging"), (OTHER, ONE, "staging"), (ONE, ONE, "production"), None],
    ids=["integration", "organization", "environment", "nobody"],
)
async def test_no_other_call_uses_it(server, trusting, other):
    async with keeping_connections():
        for owner in (OWNER, other, OWNER, other):
            await ask(server, trusting, owner)
    assert [server.requests[at] for at in (0, 2)] == [1, 1]
    assert 1 not in {server.requests[at] for at in (1, 3)}


async def test_no_call_under_another_tls_context_uses_it(server, trusting):
    async with keeping_connections():
        for context in (trusting, ssl.create_default_context(), trusting):
            await ask(server, context)
    assert server.requests == [1, 2, 1]


async def test_what_the_upstream_wants_remembered_is_not(server, trusting):
    heads = []
    server.headers = b"Set-Cookie: session=of-another-call; Path=/\r\n"
    server.heard = heads.append
    names = Names(["127.0.0.1"])
    async with keeping_connections():
        for _ in range(2):
            await ask(server, trusting, host="api.example.test", lookup=names)
    assert (server.requests, [b"cookie" in head.lower() for head in heads]) == ([1, 1], [False, False])


async def test_without_a_pool_each_call_has_its_own(server, trusting):
    for _ in range(2):
        await ask(server, trusting)
    assert server.requests == [1, 2]


async def test_calls_at_once_have_one_each(server, trusting):
    async with keeping_connections():
        await asyncio.gather(*(ask(server, trusting) for _ in range(5)))
    assert sorted(server.requests) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("moment", ["with_answer", "after_answer"])
async def test_what_nobody_asked_for_is_never_an_answer(server, trusting, moment):
    setattr(server, moment, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
    async with keeping_connections():
        for _ in range(2):
            assert (await ask(server, trusting)).body == b"fine"
            await asyncio.sleep(0.5 if moment == "after_answer" else 0)
    assert server.requests == [1, 2]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST"])
async def test_a_call_that_meets_the_end_of_a_connection_is_never_sent_again(server, trusting, method):
    server.answers_at_most = 1
    async with keeping_connections():
        await ask(server, trusting)
        with pytest.raises(Refusal) as refusal:
            await ask(server, trusting, method=method)
        assert refusal.value.code == "upstream_unreachable"
    assert server.requests == [1, 1]


class Closing:
    """A server in a thread of its own that answers once on each connection and closes it, whatever it has said."""

    def __init__(self):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port, self.requests = self.listening.getsockname()[1], 0
        self.closed = threading.Semaphore(0)
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listening.accept()
                connection.recv(65_536)
                self.requests += 1
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")
                connection.close()
                self.closed.release()

    def stop(self):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.thread.join()


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_kept_connection_that_the_upstream_has_closed_is_left_for_a_new_one(trusting, method):
    server = Closing()
    try:
        async with keeping_connections():
            for number in (1, 2, 3):
                assert (await ask(server, trusting, method=method)).body == b"fine"
                server.closed.acquire()  # blocks the event loop: the end has arrived, and nobody has read it
                assert server.requests == number
    finally:
        server.stop()


def reset(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


ARRIVALS = {
    "nothing": (lambda peer: None, False),
    "bytes": (lambda peer: peer.sendall(b"x"), True),
    "bytes that were read": (lambda peer: peer.sendall(b"read"), False),
    "its end": (lambda peer: peer.shutdown(socket.SHUT_WR), True),
    "a reset": (reset, True),
}


@pytest.mark.parametrize("option", [connections._SO_MEMINFO, 9999], ids=["asked", "polled where nobody can ask"])
@pytest.mark.parametrize(("arrive", "is_noticed"), ARRIVALS.values(), ids=ARRIVALS)
def test_whatever_has_arrived_on_a_connection_is_noticed_before_it_is_read(monkeypatch, option, arrive, is_noticed):
    monkeypatch.setattr(connections, "_SO_MEMINFO", option)
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection(listening.getsockname()) as ours:
        peer, _ = listening.accept()
        with peer:
            assert not connections._has_arrivals(ours)
            arrive(peer)
            time.sleep(0.02)
            if not is_noticed:
                ours.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    assert ours.recv(100) == b"read"
            assert connections._has_arrivals(ours) == is_noticed


async def test_what_one_answer_took_in_does_not_count_for_the_next(server, trusting, monkeypatch):
    monkeypatch.setattr("integrations.transport.reception.MOST_BYTES", 1000)
    server.headers = b"X: " + b"a" * 500 + b"\r\n"
    async with keeping_connections():
        for _ in range(4):
            assert (await ask(server, trusting)).body == b"fine"
    assert server.requests == [1, 1, 1, 1]


async def test_an_idle_connection_is_closed_soon(server, trusting, monkeypatch):
    monkeypatch.setattr("integrations.transport.connections.KEEP_SECONDS", 0.05)
    async with keeping_connections():
        await ask(server, trusting)
        await asyncio.sleep(0.2)
        await ask(server, trusting)
    assert server.requests == [1, 2]


async def test_only_so_many_sessions_are_kept(server, trusting, monkeypatch):
    monkeypatch.setattr(connections, "MOST_CONNECTORS", 2)
    async with keeping_connections():
        for number in (1, 2, 3, 2, 1):
            await ask(server, trusting, (ONE, number, "staging"))
        assert len(pool_here()._kept) == 2
    assert server.requests == [1, 2, 3, 2, 4]


async def test_those_that_are_kept_are_left_alone_while_there_is_room(server, trusting, monkeypatch):
    monkeypatch.setattr(connections, "MOST_CONNECTORS", 6)
    async with keeping_connections():
        for number in (1, 2, 3, 4, 5, 1, 2, 3, 4, 5):
            await ask(server, trusting, (ONE, number, "staging"))
    assert server.requests == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]


async def test_making_room_closes_nothing_that_is_used_and_waits_for_nobody(server, trusting, monkeypatch):
    monkeypatch.setattr(connections, "MOST_CONNECTORS", 1)
    closed = JudgedConnector.close

    async def slowly(connector):
        await asyncio.sleep(0.2)
        await closed(connector)

    monkeypatch.setattr(JudgedConnector, "close", slowly)
    async with keeping_connections():
        await ask(server, trusting)
        started = time.monotonic()
        answers = await asyncio.gather(*(ask(server, trusting, (ONE, n, "staging")) for n in (2, 2, 1, 3, 1)))
        assert time.monotonic() - started < 0.2
    assert [answer.body for answer in answers] == [b"fine"] * 5


async def test_a_busy_connection_is_left_after_a_while(server, trusting, monkeypatch):
    monkeypatch.setattr(connections, "LONGEST_SECONDS", 0.1)
    names = Names(["127.0.0.1"])
    async with keeping_connections():
        for _ in range(3):
            await ask(server, trusting, host="api.example.test", lookup=names)
        await asyncio.sleep(0.11)
        await ask(server, trusting, host="api.example.test", lookup=names)
        assert len(pool_here()._kept) == 1
    assert (server.requests, len(names.asked)) == ([1, 1, 1, 2], 2)


async def test_what_is_left_while_it_is_used_is_closed_by_its_last_user(server, trusting, monkeypatch):
    monkeypatch.setattr(connections, "LONGEST_SECONDS", 0.0)
    connectors, made = [], JudgedConnector.__init__
    monkeypatch.setattr(
        JudgedConnector, "__init__", lambda self, *args, **more: (connectors.append(self), made(self, *args, **more))[1]
    )
    server.answers_after = 0.05
    async with keeping_connections():
        answers = await asyncio.gather(*(ask(server, trusting) for _ in range(3)))
        await asyncio.gather(*pool_here()._closing)
        assert [connector.closed for connector in connectors] == [True, True, False]
    assert [answer.body for answer in answers] == [b"fine"] * 3


@pytest.mark.parametrize("closed", ["", "10.0.0.0/8"])
async def test_a_network_that_was_closed_is_closed_to_what_is_kept_too(server, trusting, closed):
    async with keeping_connections():
        await ask(server, trusting, host="api.example.test", lookup=Names(["127.0.0.1"]))
        with pytest.raises(Refusal) as refusal:
            policy = EgressPolicy.parse(closed)
            await ask(server, trusting, host="api.example.test", lookup=Names(["127.0.0.1"]), policy=policy)
    assert refusal.value.code == ("egress_denied" if closed else "invalid_url")
    assert server.requests == [1]


async def test_the_other_end_of_a_kept_connection_is_judged_at_each_call(server, trusting, monkeypatch):
    async with keeping_connections():
        await ask(server, trusting, host="api.example.test", lookup=Names(["127.0.0.1"]))
        seen = []
        monkeypatch.setattr(
            "integrations.transport.connections.judge_addresses", lambda *judged: seen.append(judged[1:])
        )
        await ask(server, trusting, host="api.example.test", lookup=Names(["127.0.0.1"]))
    assert (seen, server.requests) == ([(["127.0.0.1"], LOOPBACK)], [1, 1])


async def test_what_is_kept_holds_no_rendered_url(server, trusting):
    async with keeping_connections():
        await ask(server, trusting, path="/a-value-in-the-path")
        ((_, origin, *_),) = pool_here()._kept
        (kept,) = pool_here()._kept.values()
        assert str(origin) == f"http://127.0.0.1:{server.port}"
        assert kept.connector._judged_url == origin
