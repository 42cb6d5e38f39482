"""Against real sockets on loopback: what arrives upstream, what comes back, and what never shows."""

import asyncio
import logging
import ssl
import time

import pytest

from accounts.errors import Refusal
from integrations.errors import ApprovalNeeded, UpstreamTls, UpstreamUnreachable
from integrations.transport.client import UpstreamResponse, send
from tests.peers.tls_upstream import Authority, ok, upstream
from tests.support.integrations.calls import (
    CANARY,
    CLOSED,
    LOOPBACK,
    Names,
    call,
    request,
)


async def test_the_values_arrive_and_the_answer_comes_back(trusting):
    async with upstream(ok(b'{"id": 1}', b"X-One: 1", b"x-one: 2")) as server:
        response = await call(
            server,
            trusting,
            method="POST",
            path="/a%2Fb?q=x%20y&q=+",
            headers=[("X-Key", CANARY), ("x-b", "b c")],
            body=b"hi",
        )
    assert response == UpstreamResponse(
        200, b"OK", ((b"Content-Length", b"9"), (b"X-One", b"1"), (b"x-one", b"2")), b'{"id": 1}', True
    )
    head, _, body = server.received[0].partition(b"\r\n\r\n")
    assert (head.split(b"\r\n"), body) == (
        [
            b"POST /a%2Fb?q=x%20y&q=+ HTTP/1.1",
            b"Host: 127.0.0.1:%d" % server.port,
            b"User-Agent: Coffer",
            b"Accept-Encoding: identity",
            b"X-Key: " + CANARY.encode(),
            b"x-b: b c",
            b"Content-Length: 2",
            b"Connection: close",
        ],
        b"hi",
    )


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
async def test_every_method_is_sent_as_it_is(method, trusting):
    async with upstream(ok(b"" if method == "HEAD" else b"x")) as server:
        response = await call(server, trusting, method=method)
    assert (response.status, server.received[0].split(b" ")[0]) == (200, method.encode())


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [
        ("GET", None, None),
        ("HEAD", None, None),
        ("POST", None, b"0"),
        ("DELETE", None, b"0"),
        ("GET", b"", b"0"),
        ("PUT", b"x" * 200_000, b"200000"),
    ],
)
async def test_a_request_says_how_long_its_body_is(method, body, length, trusting):
    async with upstream(ok(b"")) as server:
        await call(server, trusting, method=method, body=body)
    head, _, received = server.received[0].partition(b"\r\n\r\n")
    fields = dict(line.split(b": ") for line in head.split(b"\r\n")[1:])
    assert (fields.get(b"Content-Length"), received) == (length, body or b"")
    assert b"Transfer-Encoding" not in fields


async def test_an_own_user_agent_replaces_ours(trusting):
    async with upstream(ok(b"")) as server:
        await call(server, trusting, headers=[("user-agent", "mine")])
    assert server.received[0].lower().count(b"user-agent") == 1


async def test_an_upstream_error_is_an_answer(trusting):
    async with upstream(b"HTTP/1.1 503 Busy \xff\r\nContent-Length: 0\r\n\r\n") as server:
        response = await call(server, trusting)
    assert (response.status, response.reason, response.body, response.readable) == (503, b"Busy \xff", b"", True)


async def test_a_chunked_answer_and_one_that_ends_with_the_connection_are_read(trusting):
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    for answer in (chunked, b"HTTP/1.1 200 OK\r\n\r\nabcde", b"HTTP/1.0 200 OK\r\n\r\nabcde"):
        async with upstream(answer) as server:
            response = await call(server, trusting)
        assert (response.body, response.readable) == (b"abcde", True)


async def test_tls_verifies_the_name_and_dials_the_looked_up_address(authority, trusting, tmp_path):
    names = Names(["127.0.0.1"])
    async with upstream(ok(b"safe"), tls=authority.serving("api.example.test", tmp_path)) as server:
        url = f"https://api.example.test:{server.port}/"
        response = await send(request(url), LOOPBACK, ssl_context=trusting, lookup=names)
    assert (response.body, names.asked) == (b"safe", [("api.example.test", server.port)])
    assert b"Host: api.example.test:%d\r\n" % server.port in server.received[0]


async def test_a_certificate_of_another_name_is_refused_before_anything_is_sent(authority, trusting, tmp_path):
    async with upstream(ok(b""), tls=authority.serving("evil.example.test", tmp_path)) as server:
        with pytest.raises(UpstreamTls):
            url = f"https://api.example.test:{server.port}/"
            await send(request(url), LOOPBACK, ssl_context=trusting, lookup=Names(["127.0.0.1"]))
    assert server.received == []


async def test_a_certificate_of_an_unknown_authority_is_refused(authority, tmp_path):
    async with upstream(ok(b""), tls=authority.serving("api.example.test", tmp_path)) as server:
        with pytest.raises(UpstreamTls):
            url, stranger = f"https://api.example.test:{server.port}/", Authority.make().trusting()
            await send(request(url), LOOPBACK, ssl_context=stranger, lookup=Names(["127.0.0.1"]))
    assert server.received == []


async def test_a_server_without_tls_is_refused(trusting):
    async with upstream(ok(b""), listens=False) as server:
        with pytest.raises((UpstreamTls, UpstreamUnreachable)):
            await send(request(f"https://127.0.0.1:{server.port}/"), LOOPBACK, ssl_context=trusting)


@pytest.mark.parametrize("weakness", ["no verification", "no name check", "old version"])
async def test_a_lax_tls_context_is_a_programming_error(weakness, trusting):
    trusting.check_hostname = weakness == "old version"
    if weakness == "no verification":
        trusting.verify_mode = ssl.CERT_NONE
    if weakness == "old version":
        trusting.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.raises(ValueError):
        await send(request("http://127.0.0.1/"), LOOPBACK, ssl_context=trusting)


async def test_a_redirect_is_an_answer_and_not_followed(trusting):
    async with upstream(ok(b"stolen")) as other:
        answer = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n" % other.port
        async with upstream(answer) as server:
            response = await call(server, trusting, headers=[("Authorization", CANARY)])
    assert (response.status, other.connections) == (302, 0)


async def test_proxies_and_cookies_of_the_environment_are_ignored(trusting, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    async with upstream(ok(b"proxied")) as proxy, upstream(ok(b"direct", b"Set-Cookie: a=b")) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        bodies = [(await call(server, trusting)).body for _ in range(2)]
    assert (bodies, proxy.connections) == ([b"direct"] * 2, 0)
    assert not any(
        b"cookie" in received.lower() or b"authorization" in received.lower() for received in server.received
    )


async def test_a_connection_is_not_used_again(trusting):
    async with upstream(ok(b"x", b"Connection: keep-alive")) as server:
        for _ in range(3):
            await call(server, trusting)
    assert server.connections == 3


async def test_nothing_of_a_call_reaches_the_log(trusting, caplog):
    caplog.set_level(logging.DEBUG)
    answer = ok(CANARY.encode(), b"Set-Cookie: =" + CANARY.encode(), b"Content-Type: " + CANARY.encode())
    async with upstream(answer) as server:
        await call(
            server, trusting, method="POST", path=f"/{CANARY}?k={CANARY}", headers=[("K", CANARY)], body=CANARY.encode()
        )
    assert CANARY in server.received[0].decode()
    assert CANARY not in caplog.text


async def test_an_unforeseen_failure_is_reported_without_its_text(trusting, monkeypatch, caplog):
    def explode(*_, **__):
        raise RuntimeError(CANARY)

    monkeypatch.setattr("integrations.transport.client.begin", explode)
    with pytest.raises(UpstreamUnreachable) as caught:
        await send(request("https://api.example.com/"), CLOSED, ssl_context=trusting)
    assert caught.value.__suppress_context__
    assert CANARY not in repr(caught.value)
    assert [record.getMessage() for record in caplog.records] == [
        "an outgoing call failed with an unexpected RuntimeError"
    ]


async def test_a_cancelled_call_stays_cancelled(trusting):
    async def nothing(reader, _):
        await reader.read()

    async with upstream(nothing) as server:
        task = asyncio.create_task(call(server, trusting))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_many_slow_calls_wait_at_the_same_time(trusting):
    async def slow(_, writer):
        await asyncio.sleep(0.3)
        writer.write(ok(b"x"))

    started = time.monotonic()
    async with upstream(slow) as server:
        responses = await asyncio.gather(*(call(server, trusting) for _ in range(50)))
    assert {response.body for response in responses} == {b"x"}
    assert time.monotonic() - started < 3


def test_a_response_does_not_show_what_it_holds():
    response = UpstreamResponse(200, CANARY.encode(), ((b"X", CANARY.encode()),), CANARY.encode(), True)
    assert repr(response) == "UpstreamResponse(status=200, readable=True)"


@pytest.mark.parametrize("refusal", Refusal.__subclasses__())
def test_every_refusal_has_a_code_a_status_and_a_title(refusal):
    assert refusal.code
    assert 400 <= refusal.status < 600 or refusal is ApprovalNeeded
    assert refusal.title
