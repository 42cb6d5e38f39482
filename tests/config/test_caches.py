"""Every cache that `CACHE_URL` may name stores JSON, and runs nothing that somebody put there."""

import base64
import os
import pickle
from datetime import timedelta

import environ
import pytest
from django.core.cache import cache, caches
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from config.databases import addresses

pytestmark = pytest.mark.django_db

URLS = {"database": "dbcache://coffer_cache", "memory": "locmemcache://of-this-test", "redis": "redis://localhost:6379"}


@pytest.fixture(params=URLS)
def stored(request):
    """A cache of each kind; Redis is one in memory."""
    entry = addresses.cache(environ.Env.cache_url_config(URLS[request.param]))
    if request.param == "redis":
        fakeredis = pytest.importorskip("fakeredis")
        entry["OPTIONS"] = {"connection_class": fakeredis.FakeRedisConnection}
    with override_settings(CACHES={"default": entry}):
        if request.param == "database":
            call_command("createcachetable", verbosity=0)
        cache.clear()
        yield cache
        cache.clear()


def test_what_was_put_in_comes_out(stored):
    for number, value in enumerate([1, -1, True, None, "x", "1", 1.5, [1.25, 2.5], {"a": ["b"]}, ""]):
        stored.set(f"key{number}", value, 60)
        assert stored.get(f"key{number}", "default") == value
        assert type(stored.get(f"key{number}")) is type(value)
    assert stored.get_many(["key0", "key1", "nothing"]) == {"key0": 1, "key1": -1}
    assert stored.get("nothing", "default") == "default"


def test_add_sets_once_until_it_expires(stored):
    assert stored.add("lock", True, 60)
    assert not stored.add("lock", True, 60)
    stored.delete("lock")
    assert stored.add("lock", True, 60)
    stored.set("short", 1, 0)
    assert stored.add("short", 2, 60)
    assert stored.get("short") == 2


def test_counting_and_touching(stored):
    stored.set("count", 1, 60)
    assert stored.incr("count") == 2
    assert stored.get("count") == 2
    assert stored.touch("count", 120)
    assert not stored.touch("nothing", 60)
    stored.set("kept", "x", None)
    assert stored.get("kept") == "x"


def test_only_json_is_stored(stored):
    with pytest.raises(TypeError):
        stored.set("key", object(), 60)


class Code:
    """Loading this from a pickle runs a command."""

    def __reduce__(self):
        return os.putenv, ("COFFER_TEST_RAN", "yes")


def in_table(key, value, expires=None):
    expires = expires or timezone.now() + timedelta(hours=1)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM coffer_cache WHERE cache_key = %s", [key])
        cursor.execute(
            "INSERT INTO coffer_cache (cache_key, value, expires) VALUES (%s, %s, %s)", [key, value, expires]
        )


@pytest.mark.parametrize("stored", ["database"], indirect=True)
def test_row_with_a_pickle_is_a_miss(stored, monkeypatch):
    monkeypatch.setattr(pickle, "loads", lambda data: pytest.fail("loaded a pickle"))
    for planted in (base64.b64encode(pickle.dumps(Code())).decode(), "", "[", "[" * 100_000, "x"):
        in_table(stored.make_key("planted"), planted)
        assert stored.get("planted", "default") == "default"
        assert stored.get_many(["planted"]) == {}
    stored.set("planted", "new", 60)
    assert stored.get("planted") == "new"


@pytest.mark.parametrize("stored", ["redis"], indirect=True)
def test_pickle_in_redis_is_a_miss(stored, monkeypatch):
    monkeypatch.setattr(pickle, "loads", lambda data: pytest.fail("loaded a pickle"))
    client = stored._cache.get_client(None, write=True)
    client.set(stored.make_key("planted"), pickle.dumps(Code()))
    assert stored.get("planted", "default") == "default"
    assert stored.get_many(["planted"]) == {}


@pytest.mark.parametrize("stored", ["database"], indirect=True)
def test_table_does_not_grow_beyond_its_limit(stored, monkeypatch):
    monkeypatch.setattr(stored._connections[stored._alias], "_max_entries", 3)
    for number in range(10):
        stored.set(f"key{number}", number, 60)
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM coffer_cache")
        assert cursor.fetchone()[0] <= 4


@pytest.mark.parametrize("stored", ["database"], indirect=True)
def test_expired_row_is_a_miss(stored):
    in_table(stored.make_key("old"), '"x"', timezone.now() - timedelta(seconds=5))
    assert stored.get("old") is None
    assert not stored.touch("old", 60)
    assert stored.add("old", "y", 60)


@pytest.mark.parametrize("url", ["filecache:///tmp/cache", "memcache://localhost:11211", "dummycache://"])
def test_other_caches_are_refused(url):
    with pytest.raises(ImproperlyConfigured, match="CACHE_URL names a cache that Coffer does not offer"):
        addresses.cache(environ.Env.cache_url_config(url))


def test_no_cache_of_this_installation_is_one_of_django():
    assert {type(caches[name]).__module__ for name in caches.settings} == {"config.caches"}
