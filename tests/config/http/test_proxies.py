"""Whose word counts for the caller's address and scheme."""

import asyncio
import logging

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import ImproperlyConfigured
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from config.http.checks import check_proxies
from config.http.proxies import Proxies, TrustedProxies

PROXY, CLIENT, INVENTED = "10.0.0.5", "203.0.113.9", "198.51.100.1"


def seen(trusted, peer, *headers):
    """The address, scheme and headers that the application sees."""
    scopes = []

    async def application(scope, _receive, _send):
        scopes.append(scope)

    scope = {"type": "http", "client": peer, "scheme": "http", "headers": [(b"host", b"localhost"), *headers]}
    asyncio.run(TrustedProxies(application, Proxies(trusted))(scope, None, None))
    (found,) = scopes
    return (found["client"] or [None])[0], found["scheme"], [name for name, _ in found["headers"]]


def forwarded(addresses, scheme="https"):
    return (b"x-forwarded-for", addresses.encode()), (b"x-forwarded-proto", scheme.encode())


TRUSTED = {
    "its client": ("10.0.0.5", (PROXY, 5), CLIENT, CLIENT),
    "its client, not what the client claims": ("10.0.0.0/24", (PROXY, 5), f"{INVENTED}, {CLIENT}", CLIENT),
    "the client behind two proxies": ("10.0.0.0/24", (PROXY, 5), f"{INVENTED}, {CLIENT}, 10.0.0.7", CLIENT),
    "an IPv6 client": ("10.0.0.5", (PROXY, 5), "2001:db8::1", "2001:db8::1"),
    "a client whose port the proxy adds": ("10.0.0.5", (PROXY, 5), f"{INVENTED}, {CLIENT}:5678", CLIENT),
    "an IPv6 client with a port": ("10.0.0.5", (PROXY, 5), "[2001:db8::1]:5678", "2001:db8::1"),
    "a proxy of which nothing is known": ("10.0.0.5", (PROXY, 5), f"{CLIENT}, unknown", PROXY),
    "a client on the host of the proxy": ("127.0.0.1", ("127.0.0.1", 5), "127.0.0.1", "127.0.0.1"),
    "a proxy on a Unix socket": ("unix", None, CLIENT, CLIENT),
    "a proxy on an IPv6 socket": ("10.0.0.5", ("::ffff:10.0.0.5", 5), CLIENT, CLIENT),
}


@pytest.mark.parametrize(("trusted", "peer", "header", "client"), TRUSTED.values(), ids=TRUSTED)
def test_trusted_proxy_says_who_calls_and_how(trusted, peer, header, client):
    assert seen(trusted, peer, *forwarded(header)) == (client, "https", [b"host"])


def test_several_headers_are_one_list():
    claims = [(b"x-forwarded-for", text.encode()) for text in (INVENTED, CLIENT)]
    assert seen(PROXY, (PROXY, 5), *claims)[0] == CLIENT
    assert seen(PROXY, (PROXY, 5), (b"x-forwarded-proto", b"gopher"))[:2] == (PROXY, "http")
    assert seen(PROXY, (PROXY, 5), (b"x-forwarded-proto", b"wss"))[:2] == (PROXY, "wss")
    assert seen(PROXY, (PROXY, 5)) == (PROXY, "http", [b"host"])


@pytest.mark.parametrize(("trusted", "peer"), [("", "127.0.0.1"), ("10.0.0.5", "10.0.0.6"), ("unix", "127.0.0.1")])
def test_nobody_else_is_heard(trusted, peer):
    assert seen(trusted, (peer, 5), *forwarded(INVENTED)) == (peer, "http", [b"host"])


def test_unix_socket_is_trusted_only_where_it_is_named():
    assert seen("10.0.0.5", None, *forwarded(INVENTED)) == (None, "http", [b"host"])


SERVED = [
    INVENTED,
    f"{INVENTED}:5678",
    f"{CLIENT}, {INVENTED}:5678",
    "2001:db8::1",
    "[2001:db8::1]:5678",
    "nobody:5678",
]


@pytest.mark.parametrize("trusted", ["", "127.0.0.1", "unix"])
@pytest.mark.parametrize("header", SERVED)
def test_address_that_the_server_took_from_the_header_itself_is_nobodys(caplog, trusted, header):
    """As uvicorn does for proxies on loopback, unless it is told not to."""
    scopes = []

    async def application(scope, _receive, _send):
        scopes.append(scope)

    ours = TrustedProxies(application, Proxies(trusted))
    headers = [(b"x-forwarded-for", header.encode())]
    scope = {"type": "http", "client": ("127.0.0.1", 4711), "scheme": "http", "headers": headers}
    with caplog.at_level(logging.ERROR):
        async_to_sync(ProxyHeadersMiddleware(ours))(scope, None, None)
    assert scopes[0]["client"] is None
    assert "--no-proxy-headers" in caplog.text


@pytest.mark.parametrize("text", ["proxy", "10.0.0.5/8", "0.0.0.0/0", "::/0", "*", "10.0.0.5:80"])
def test_what_names_no_proxy_is_refused(text):
    with pytest.raises(ImproperlyConfigured, match="COFFER_TRUSTED_PROXIES: "):
        Proxies(text)


def test_deployment_check_says_whom_it_trusts(settings, monkeypatch):
    def said():
        return [message.msg for message in check_proxies(None)]

    settings.TRUSTED_PROXIES = ""
    (only,) = said()
    assert "No proxy is trusted" in only
    settings.TRUSTED_PROXIES = "10.0.0.5"
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    assert [text.split()[0] for text in said()] == ["X-Forwarded-For", "FORWARDED_ALLOW_IPS"]
