"""`deploy/nginx/coffer.conf` in a real nginx: whose headers count, what is too large or too slow, what stays unsaid."""

import asyncio
import contextlib
import http.client
import re
import socket
import ssl
from functools import partial

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from tests.peers import nginx as peer
from tests.peers.nginx import HOST, nginx
from tests.peers.tls_upstream import ok, upstream

pytestmark = pytest.mark.nginx

FROM_CLIENT = {
    "X-Forwarded-For": "198.51.100.7",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "1",
    "X-Real-IP": "198.51.100.7",
    "Forwarded": "for=198.51.100.7",
    "X-Request-ID": "chosen-by-the-client",
}
MEBIBYTE = 1024 * 1024


@pytest.fixture
def certificate(authority, tmp_path):
    authority.serving(HOST, tmp_path)
    return tmp_path / f"{HOST}.pem"


@pytest.fixture
def ask(trusting):
    """Send a request in a thread: the status, the headers and the body of the answer."""
    return partial(asyncio.to_thread, peer.ask, trusting)


async def test_the_proxy_speaks_for_the_client(tmp_path, certificate, ask):
    async with upstream(ok(b"from Coffer")) as coffer:
        with nginx(tmp_path, certificate, [f"127.0.0.1:{coffer.port}"]) as proxy:
            status, _, body = await ask(proxy.tls, path="/o/x/?q=a%2Fb//c", headers=FROM_CLIENT)
            assert (status, body) == (200, b"from Coffer")
            head = coffer.received[0].decode()
            assert head.startswith("GET /o/x/?q=a%2Fb//c HTTP/1.1\r\n")
            sent = {name.lower(): value for name, value in re.findall(r"^([\w-]+): (.*)\r$", head, re.MULTILINE)}
            request_id = sent.pop("x-request-id")
            assert re.fullmatch(r"[0-9a-f]{32}", request_id)
            assert sent == {
                "host": f"{HOST}:{proxy.tls}",
                "x-forwarded-for": "127.0.0.1",
                "x-forwarded-proto": "https",
                "accept-encoding": "identity",
            }
        assert request_id in proxy.access()
        assert "/o/x/" not in proxy.access()


async def test_only_the_own_name_over_tls_is_served(tmp_path, certificate, ask):
    async with upstream(ok(b"from Coffer")) as coffer:
        with nginx(tmp_path, certificate, [f"127.0.0.1:{coffer.port}"]) as proxy:
            status, headers = await asyncio.to_thread(_plain, proxy.plain, HOST)
            assert (status, headers["Location"]) == (308, f"https://{HOST}/o/x/")
            with pytest.raises(http.client.RemoteDisconnected):
                await asyncio.to_thread(_plain, proxy.plain, "other.example")
            with pytest.raises(ssl.SSLError):
                await ask(proxy.tls, host="other.example")
            assert (await ask(proxy.tls, path="/metrics"))[0] == 404
    assert coffer.received == []


async def test_bodies_stay_in_memory_and_have_limits(tmp_path, certificate, ask):
    async with upstream(ok(b"x" * 4 * MEBIBYTE)) as coffer:
        with nginx(tmp_path, certificate, [f"127.0.0.1:{coffer.port}"]) as proxy:
            largest = b"v" * (2560 * 1024)
            status, _, answer = await ask(proxy.tls, "POST", "/o/x/secrets/import/", largest)
            assert (status, len(answer)) == (200, 4 * MEBIBYTE)
            assert coffer.received[0].endswith(largest)
            files = b"f" * 16 * MEBIBYTE
            for path in ("/api/v1/integrations/0/run", "/mcp"):
                assert (await ask(proxy.tls, "POST", path, files))[0] == 200
                assert coffer.received[-1].endswith(files)
            with contextlib.suppress(ConnectionError):  # it may close while the body is still being sent
                assert (await ask(proxy.tls, "POST", "/o/x/", largest + b"v"))[0] == 413
        assert len(coffer.received) == 3
        assert "buffered to a temporary file" not in proxy.errors()
        assert "client intended to send too large body" in proxy.errors()


async def test_what_is_passed_through_flows_in_both_directions_as_it_came(tmp_path, certificate, trusting):
    first, heard = asyncio.Event(), asyncio.Event()

    async def coffer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"/proxy/A%20b@staging/x//y?q=%2F HTTP/1.1" in head
        await reader.readexactly(4)
        first.set()
        await reader.readexactly(20 * MEBIBYTE - 4)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n")
        await heard.wait()
        writer.write(b"4\r\nlate\r\n0\r\n\r\n")

    head = f"POST /proxy/A%20b@staging/x//y?q=%2F HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {20 * MEBIBYTE}\r\n\r\n"
    async with upstream(coffer, listens=False) as running:
        with nginx(tmp_path, certificate, [f"127.0.0.1:{running.port}"]) as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.tls, ssl=trusting, server_hostname=HOST)
            writer.write(head.encode() + b"body")
            await asyncio.wait_for(first.wait(), 10)
            writer.write(bytes(20 * MEBIBYTE - 4))
            assert b"early" in await asyncio.wait_for(reader.readuntil(b"early"), 30)
            heard.set()
            assert b"late" in await asyncio.wait_for(reader.readuntil(b"late"), 30)
            writer.close()
        assert "buffered to a temporary file" not in proxy.errors()


async def test_who_is_slow_or_tries_often_is_stopped(tmp_path, certificate, ask, trusting):
    async with upstream(ok(b"")) as coffer:
        with nginx(tmp_path, certificate, [f"127.0.0.1:{coffer.port}"], client_header_timeout="1s") as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.tls, ssl=trusting, server_hostname=HOST)
            writer.write(b"GET / HTTP/1.1\r\nHost: " + HOST.encode())
            assert await asyncio.wait_for(reader.read(), 10) == b""
            writer.close()
            tries = [(await ask(proxy.tls, "POST", "/signin/", b""))[0] for _ in range(24)]
    assert tries[:20] == [200] * 20
    assert tries[-1] == 429
    assert len(coffer.received) == tries.count(200)


async def test_a_host_that_is_gone_is_left_out(tmp_path, certificate, ask):
    async with upstream(ok(b"")) as coffer, upstream(ok(b"")) as other:
        gone = socket.create_server(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{gone.getsockname()[1]}"
        gone.close()
        hosts = [nobody, f"127.0.0.1:{coffer.port}", f"127.0.0.1:{other.port}"]
        with nginx(tmp_path, certificate, hosts) as proxy:
            assert {(await ask(proxy.tls, "POST", "/o/x/", b"{}"))[0] for _ in range(6)} == {200}
    assert len(coffer.received) + len(other.received) == 6
    assert coffer.received
    assert other.received


async def test_websockets_and_what_flows_go_through_and_upgrade_nothing_else(tmp_path, certificate, ask, trusting):
    heads = []

    async def echo(socket):
        heads.append(socket.request)
        async for message in socket:
            await socket.send(message)

    async with serve(echo, "127.0.0.1", 0) as coffer:
        with nginx(tmp_path, certificate, [f"127.0.0.1:{coffer.sockets[0].getsockname()[1]}"]) as proxy:
            address = f"wss://{HOST}/proxy/Voice/v1/a%2Fb?q=1"
            options = {"subprotocols": ["realtime", "cof_x"], "ssl": trusting, "server_hostname": HOST, "proxy": None}
            async with connect(address, host="127.0.0.1", port=proxy.tls, **options) as socket:
                for message in ("text", bytes(3 * MEBIBYTE // 4)):
                    await socket.send(message)
                    assert await socket.recv() == message
    (head,) = heads
    assert (head.path, head.headers["Upgrade"], head.headers["Connection"]) == (
        "/proxy/Voice/v1/a%2Fb?q=1", "websocket", "upgrade",
    )  # fmt: skip
    assert head.headers["Sec-WebSocket-Protocol"] == "realtime, cof_x"
    assert (head.headers["X-Forwarded-Proto"], head.headers["X-Forwarded-For"]) == ("https", "127.0.0.1")
    async with upstream(ok(b"")) as coffer:
        with nginx(tmp_path, certificate, [f"127.0.0.1:{coffer.port}"]) as proxy:
            await ask(proxy.tls, path="/proxy/Voice/x", headers={"Upgrade": "h2c", "Connection": "Upgrade"})
    assert b"pgrade" not in coffer.received[0]


def _plain(port, host):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/o/x/", headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.headers
    finally:
        connection.close()
