"""Against real sockets on loopback: where a call may go, judged at every step of the way."""

import socket

import pytest
from yarl import URL

from integrations.egress.policy import EgressPolicy
from integrations.errors import EgressDenied, InvalidHeaderValue, InvalidUrl
from integrations.transport.client import send
from integrations.transport.connections import JudgedConnector
from tests.peers.tls_upstream import ok, upstream
from tests.support.integrations.calls import (
    CANARY,
    CLOSED,
    LOOPBACK,
    Names,
    call,
    request,
)


async def test_a_rebinding_name_is_looked_up_once(trusting):
    names = Names(["127.0.0.1"], ["169.254.169.254"], ["10.0.0.1"])
    async with upstream(ok(b"x")) as server:
        url = f"http://api.example.test:{server.port}/"
        response = await send(request(url), LOOPBACK, ssl_context=trusting, lookup=names)
    assert (response.body, len(names.asked)) == (b"x", 1)


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["127.0.0.1", "1.1.1.1"],
        ["1.1.1.1", "127.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["fe80::1%lo"],
        [],
    ],
)
async def test_a_public_name_that_leads_inside_is_refused(addresses, trusting, monkeypatch):
    monkeypatch.setattr("socket.socket.__init__", _no_socket)
    with pytest.raises(EgressDenied):
        await send(request("https://api.example.com/"), CLOSED, ssl_context=trusting, lookup=Names(addresses))


@pytest.mark.parametrize("addresses", [["1.1.1.1"], ["127.0.0.1", "1.1.1.1"], ["127.0.0.2"], ["169.254.169.254"]])
async def test_http_to_a_name_outside_the_opened_networks_is_refused(addresses, trusting, monkeypatch):
    monkeypatch.setattr("socket.socket.__init__", _no_socket)
    with pytest.raises(EgressDenied):
        await send(request("http://api.example.com/"), LOOPBACK, ssl_context=trusting, lookup=Names(addresses))


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("https://127.0.0.1/", EgressDenied),
        ("https://localhost/", EgressDenied),
        ("http://api.example.com/", InvalidUrl),
        ("https://api.example.com:8443/", InvalidUrl),
        ("https://user:pass@api.example.com/", InvalidUrl),
        ("https://api.example.com/#x", InvalidUrl),
        ("https://API.example.com/", InvalidUrl),
        ("https://2130706433/", InvalidUrl),
        ("ftp://api.example.com/", InvalidUrl),
    ],
)
async def test_a_url_that_was_never_admitted_is_not_called(url, refusal, trusting):
    names = Names(["1.1.1.1"])
    with pytest.raises(refusal):
        await send(request(url), CLOSED, ssl_context=trusting, lookup=names)
    assert names.asked == []


@pytest.mark.parametrize(
    "header",
    [
        ("X-Key", f"{CANARY}\r\nX-Evil: 1"),
        ("X-Key", f"{CANARY}\n"),
        ("X-Key", f"{CANARY}\u00fc"),
        ("X-Key", ""),
        ("Host", CANARY),
        ("X\nY", CANARY),
        ("Content-Length", "3"),
    ],
)
async def test_a_bad_header_is_refused_before_any_socket(header, trusting):
    async with upstream(ok(b"")) as server:
        with pytest.raises(InvalidHeaderValue) as caught:
            await call(server, trusting, headers=[header])
    assert CANARY not in repr(caught.value)
    assert server.connections == 0


async def test_the_socket_is_judged_where_the_resolver_is_skipped(trusting):
    async with upstream(ok(b"")) as server:
        connector = JudgedConnector(URL("https://api.example.com"), CLOSED, Names(["1.1.1.1"]))
        with pytest.raises(EgressDenied):
            connector._judged_socket((2, 1, 6, "", ("127.0.0.1", server.port)))
        await connector.close()
    assert server.connections == 0


async def test_the_peer_is_judged_once_connected(trusting, monkeypatch):
    monkeypatch.setattr(JudgedConnector, "_judged_socket", lambda self, info: socket.socket(*info[:3]))
    monkeypatch.setattr("integrations.transport.connections.JudgedResolver.resolve", _resolves_to_loopback)
    async with upstream(ok(b"")) as server:
        with pytest.raises(EgressDenied):
            url = f"http://api.example.com:{server.port}/"
            await send(request(url), EgressPolicy.parse("10.0.0.0/8"), ssl_context=trusting)
    assert server.received == []


def _no_socket(self, *args, **kwargs):
    raise AssertionError("a socket was made")


async def _resolves_to_loopback(self, host, port=0, family=0):
    from integrations.transport.connections import _resolved

    return [_resolved(host, "127.0.0.1", port)]
