"""A rendered URL holds values, so no cache of the process may keep it after the call."""

from yarl import URL, _url

from integrations.exchange.messages import render
from integrations.transport.client import send
from tests.peers.tls_upstream import ok, upstream
from tests.support.integrations.calls import LOOPBACK
from tests.support.integrations.memory import caches_that_hold, urls_that_hold
from tests.support.integrations.requests import make, pairs, values

CANARY = "canary-url-41c7"
TEMPLATE = {"path": "/x/{secrets.s}", "query": pairs(q="{secrets.s}")}


def test_the_search_finds_what_a_cache_holds():
    assert (caches_that_hold("a-text-that-is-cached"), urls_that_hold("a-text-that-is-cached")) == (set(), 0)
    URL("https://api.example.com/a-text-that-is-cached", encoded=True)
    assert caches_that_hold("a-text-that-is-cached") == {"pre_encoded_url"}
    assert urls_that_hold("a-text-that-is-cached") == 1
    _url.pre_encoded_url.cache_clear()


def test_a_rendered_url_is_not_cached():
    make_one = make(**TEMPLATE)
    render(make_one, secrets=values(s="first"), params={})
    before = [cache.cache_info().currsize for cache in (_url.pre_encoded_url, _url.encode_url, _url.from_parts)]
    url = render(make_one, secrets=values(s=CANARY), params={}).url
    after = [cache.cache_info().currsize for cache in (_url.pre_encoded_url, _url.encode_url, _url.from_parts)]
    assert str(url) == f"https://api.example.com/v1/x/{CANARY}?q={CANARY}"
    assert (after, caches_that_hold(CANARY)) == (before, set())


async def test_sending_does_not_cache_the_url_either(trusting):
    answer = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    for reply in (ok(b"fine"), answer):
        async with upstream(reply) as server:
            template = make(**TEMPLATE, base_url=f"http://127.0.0.1:{server.port}")
            await send(render(template, secrets=values(s=CANARY), params={}), LOOPBACK, ssl_context=trusting)
        assert f"/x/{CANARY}?q={CANARY}".encode() in server.received[0]
    assert (caches_that_hold(CANARY), urls_that_hold(CANARY)) == (set(), 0)


def test_a_rendered_url_reads_like_one_that_was_parsed():
    url = render(make(**TEMPLATE), secrets=values(s="a/b ü"), params={}).url
    parsed = URL(str(url), encoded=True)
    assert url == parsed
    assert hash(url) == hash(parsed)
    parts = ("scheme", "raw_authority", "raw_host", "port", "raw_path_qs", "raw_fragment", "raw_user")
    assert [getattr(url, part) for part in parts] == [getattr(parsed, part) for part in parts]
