"""A rendered URL holds values, so no cache of the process may keep it after the call."""

import functools
import gc
from types import FunctionType, ModuleType

from yarl import URL, _url

from integrations.exchange.messages import render
from integrations.transport.client import send
from tests.peers.tls_upstream import ok, upstream
from tests.support.calls import LOOPBACK
from tests.support.requests import make, pairs, values

CANARY = "canary-url-41c7"
TEMPLATE = {"path": "/x/{secrets.s}", "query": pairs(q="{secrets.s}")}
LIBRARIES = {"yarl", "aiohttp", "urllib", "idna", "multidict"}
DEEPEST = 6


def caches_that_hold(text: str) -> set[str]:
    """The names of the libraries' caches from which `text` is within reach."""
    caches = [found for found in gc.get_objects() if type(found) is functools._lru_cache_wrapper]
    return {
        cache.__qualname__
        for cache in caches
        if cache.__module__.split(".")[0] in LIBRARIES and reaches(cache, text, seen=set(), depth=0)
    }


def reaches(holder: object, text: str, *, seen: set[int], depth: int) -> bool:
    kind = type(holder)  # not isinstance: other tests leave lazy objects behind, which would wake up
    if issubclass(kind, str):
        return text in holder
    if id(holder) in seen or depth > DEEPEST or issubclass(kind, (ModuleType, FunctionType, type)):
        return False
    seen.add(id(holder))
    return any(reaches(held, text, seen=seen, depth=depth + 1) for held in gc.get_referents(holder))


def urls_that_hold(text: str) -> int:
    """How many URLs with `text` in them are still alive, whoever holds them."""
    gc.collect()
    return sum(type(found) is URL and text in str(found) for found in gc.get_objects())


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
