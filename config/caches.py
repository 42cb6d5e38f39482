"""Caches that store JSON. Django's own would run the code in a row that somebody put into the table.

What is not JSON is a miss, and so is a row of an earlier version.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.core.cache.backends import db, locmem, redis
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.db import DatabaseError, connections, router, transaction
from django.utils import timezone
from typing_extensions import override

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
MISS = object()
"""What a stored text stands for that is not JSON."""


class JsonSerializer:
    """Values as JSON. Integers stay integers, because backends count them up in place."""

    def dumps(self, value: Any) -> Any:
        """Return the stored form of a value."""
        return value if type(value) is int else json.dumps(value)

    def loads(self, stored: Any) -> Any:
        """Return the value, or `MISS`."""
        if type(stored) is int:
            return stored
        try:
            return json.loads(stored)
        except (ValueError, RecursionError):
            return MISS


SERIALIZER = JsonSerializer()


class JsonLocMemCache(locmem.LocMemCache):
    """Django's cache in the memory of one process."""

    @override
    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        stored = super().get(key, MISS, version)
        return default if stored is MISS else SERIALIZER.loads(stored)

    @override
    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        super().set(key, SERIALIZER.dumps(value), timeout, version)

    @override
    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return super().add(key, SERIALIZER.dumps(value), timeout, version)


class JsonRedisCache(redis.RedisCache):
    """Django's cache in Redis or Valkey."""

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        options = {**params.get("OPTIONS", {}), "serializer": SERIALIZER}
        super().__init__(server, {**params, "OPTIONS": options})

    @override
    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        found = super().get(key, MISS, version)
        return default if found is MISS else found

    @override
    def get_many(self, keys: Iterable[str], version: int | None = None) -> dict[str, Any]:
        return {key: value for key, value in super().get_many(keys, version).items() if value is not MISS}


class JsonDatabaseCache(db.DatabaseCache):
    """Django's cache in a table of the database, with one statement for each change."""

    if TYPE_CHECKING:
        _table: str
        _cull: Any

    @override
    def get_many(self, keys: Iterable[str], version: int | None = None) -> dict[str, Any]:
        names = {self.make_and_validate_key(key, version=version): key for key in keys}
        if not names:
            return {}
        connection = connections[router.db_for_read(self.cache_model_class)]
        table, marks = connection.ops.quote_name(self._table), ", ".join(["%s"] * len(names))
        statement = f"SELECT cache_key, value FROM {table} WHERE cache_key IN ({marks}) AND expires > %s"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(statement, [*names, connection.ops.adapt_datetimefield_value(timezone.now())])
            values = {names[key]: SERIALIZER.loads(stored) for key, stored in cursor.fetchall()}
        return {key: value for key, value in values.items() if value is not MISS}

    def _base_set(self, mode: str, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT) -> bool:
        """Change a row. The base class calls it for `set`, `add` and `touch`; returns whether it did."""
        using = router.db_for_write(self.cache_model_class)
        connection = connections[using]
        ends = self.get_backend_timeout(timeout)
        now = timezone.now()
        expires = NEVER if ends is None else datetime.fromtimestamp(ends, UTC)
        moments = [connection.ops.adapt_datetimefield_value(moment) for moment in (expires, now)]
        try:
            with transaction.atomic(using=using), connection.cursor() as cursor:
                self._make_room(using, cursor, now)
                stored = "" if mode == "touch" else str(SERIALIZER.dumps(value))
                given = {"key": key, "value": stored, "ends": moments[0], "now": moments[1]}
                statement = _statement(mode, connection.ops.quote_name(self._table))
                cursor.execute(statement, given)
                return bool(cursor.rowcount > 0)
        except DatabaseError:  # as the base class: a cache may lose what it was given
            return False

    def _make_room(self, using: str, cursor: Any, now: datetime) -> None:
        statement = f"SELECT COUNT(*) FROM {connections[using].ops.quote_name(self._table)}"  # noqa: S608
        cursor.execute(statement)
        number = cursor.fetchone()[0]
        if number > self._max_entries:
            self._cull(using, cursor, now, number)


def _statement(mode: str, table: str) -> str:
    if mode == "touch":
        return f"UPDATE {table} SET expires = %(ends)s WHERE cache_key = %(key)s AND expires > %(now)s"  # noqa: S608
    only_expired = " WHERE kept.expires < %(now)s" if mode == "add" else ""
    return (
        f"INSERT INTO {table} AS kept (cache_key, value, expires) VALUES (%(key)s, %(value)s, %(ends)s) "  # noqa: S608
        f"ON CONFLICT (cache_key) DO UPDATE SET value = excluded.value, expires = excluded.expires{only_expired}"
    )
