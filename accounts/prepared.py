"""Statements that are asked for every call: planned by PostgreSQL once, and asked many times.

Django's cursor writes values into the text of a statement, so PostgreSQL reads and plans each one anew; for a row or
two that takes longer than finding them. These go as prepared statements, which each connection plans once.
"""

from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import connection


def fetch(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows of a query whose text never changes, on this thread's connection.

    Raises:
        django.db.Error: as Django's own cursor does.
    """
    with _cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def execute(sql: str, params: Sequence[Any]) -> None:
    """The same for a statement that answers nothing."""
    with _cursor() as cursor:
        cursor.execute(sql, params)


class _PreparedCursor(psycopg.Cursor[Any]):
    def execute(self, query: Any, params: Any = None, **_: Any) -> Any:
        return super().execute(query, params, prepare=True)


def _cursor() -> Any:
    if connection.vendor != "postgresql":
        return connection.cursor()
    connection.ensure_connection()
    wrapped: Any = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    return wrapped(_PreparedCursor(connection.connection))
