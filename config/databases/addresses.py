"""The settings `DATABASES`, with what SQLite and PostgreSQL each need, and `CACHES`."""

import os
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from config.configuration.reading import Variables
from config.databases import limits

CACHES_OF_COFFER = {
    "django.core.cache.backends.db.DatabaseCache": "config.caches.JsonDatabaseCache",
    "django.core.cache.backends.locmem.LocMemCache": "config.caches.JsonLocMemCache",
    "django.core.cache.backends.redis.RedisCache": "config.caches.JsonRedisCache",
    "django_redis.cache.RedisCache": "config.caches.JsonRedisCache",
}
"""The caches that `CACHE_URL` may name, and Coffer's own in their place (`config.caches`)."""


def cache(address: dict[str, Any]) -> dict[str, Any]:
    """Return an entry of the setting `CACHES`.

    Args:
        address: the parts of the cache's URL.

    Raises:
        ImproperlyConfigured: it is a cache that would not store JSON.
    """
    if address["BACKEND"] not in CACHES_OF_COFFER:
        raise ImproperlyConfigured(
            "CACHE_URL names a cache that Coffer does not offer. Leave it out to use a table of the database, or name "
            "a Redis server as redis://host:6379/0."
        )
    return {**address, "BACKEND": CACHES_OF_COFFER[address["BACKEND"]]}


def database(env: Variables, folder: Path) -> dict[str, Any]:
    """Return an entry of the setting `DATABASES`.

    Args:
        env: the environment, which names the database and its limits.
        folder: the folder for SQLite's files.
    """
    address = env.db_url("DATABASE_URL", default=f"sqlite:///{folder / 'coffer.sqlite3'}")
    if address["ENGINE"] == "django.db.backends.sqlite3":
        return {**address, "ATOMIC_REQUESTS": False, **_sqlite(folder)}
    return {**address, "ATOMIC_REQUESTS": False, **_server(env, address.get("OPTIONS", {}))}


def _sqlite(folder: Path) -> dict[str, Any]:
    return {
        # IMMEDIATE takes the write lock when a transaction starts, so concurrent updates wait instead of failing.
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
        # A file, because the database threads have their own connections. Its name allows concurrent test runs.
        "TEST": {"NAME": folder / f"test-{os.getpid()}.sqlite3"},
    }


def _server(env: Variables, given: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a PostgreSQL server.

    Args:
        env: the environment.
        given: the options of its URL, which win over Coffer's.
    """
    chosen = limits.options(env)
    # Under ASGI, the thread of a request ends with the request, so a kept connection would leak. Asynchronous code uses
    # long-lived database threads instead (accounts/common/database.py).
    return {**chosen, "CONN_MAX_AGE": 0, "OPTIONS": {**chosen["OPTIONS"], **given}}
