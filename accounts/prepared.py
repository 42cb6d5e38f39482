"""Statements that are asked for every call: planned by PostgreSQL once, and asked many times.

Django's cursor writes values into the text of a statement, so PostgreSQL reads and plans each one anew; for a row or
two that takes longer than finding them. These go as prepared statements, which each connection plans once.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

import psycopg
from django.db import connection

Statement = tuple[str, Sequence[Any]]
"""A text that never changes, and its parameters."""


def fetch(*queries: Statement) -> list[list[tuple[Any, ...]]]:
    """The rows of each query, on this thread's connection; on PostgreSQL all of them in one round trip.

    Raises:
        django.db.Error: as Django's own cursor does.
    """
    with ExitStack() as stack:
        cursors = [stack.enter_context(_cursor()) for _ in queries]
        with _in_one_round_trip() if len(queries) > 1 else nullcontext():
            for cursor, (sql, params) in zip(cursors, queries, strict=True):
                cursor.execute(sql, params)
        return [cursor.fetchall() for cursor in cursors]


@contextmanager
def _in_one_round_trip() -> Iterator[None]:
    if connection.vendor != "postgresql":
        yield
        return
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def execute(sql: str, params: Sequence[Any]) -> None:
    """The same for one statement that answers nothing."""
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
