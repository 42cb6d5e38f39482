"""Statements that travel together: PostgreSQL gets them at once and answers them at once.

A run that shares its work with no other spends most of its time on the way to the database and back, and on plans that
PostgreSQL makes anew for each statement. So the few statements of a run are prepared once for each connection and sent
together (`pipeline`). Those of one round trip are committed together or not at all.

Within a transaction, on SQLite, and where somebody counts or wraps statements, they run one after the other.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

from django.db import connection, transaction

Row = tuple[Any, ...]


class Statement(NamedTuple):
    """A statement with `%s` for each of its parameters, and whether it writes."""

    sql: str
    params: Sequence[Any] = ()
    writes: bool = False


def run_together(statements: Sequence[Statement]) -> list[list[Row]]:
    """Run statements in this order, and return the rows of each.

    Raises:
        django.db.Error: a statement failed, or the connection did. Nothing is written then.
    """
    if not statements:
        return []
    if connection.vendor == "postgresql" and _is_plain():
        from accounts.common.pipeline import in_one_round_trip  # noqa: PLC0415 - SQLite needs no driver of PostgreSQL

        return in_one_round_trip(statements)
    several_write = sum(statement.writes for statement in statements) > 1
    with transaction.atomic() if several_write else nullcontext():
        return [_run(statement) for statement in statements]


def _is_plain() -> bool:
    """Return whether nothing else concerns the statements: no transaction, and nobody who counts or wraps them."""
    return not (connection.in_atomic_block or connection.execute_wrappers or connection.queries_logged)


def _run(statement: Statement) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, statement.params)
        return cursor.fetchall() if cursor.description else []
