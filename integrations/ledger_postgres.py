"""The ledger's two writes on PostgreSQL, each as one statement: one round trip and one commit for a whole batch.

`bulk_create` twice would be four round trips, and longer over each row. Names of tables, columns and types come from
the models.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection, models

from integrations.models import Run, RunSecret


def insert(runs: Sequence[Run], used: Sequence[RunSecret]) -> None:
    """Store runs and the secrets that they use, all or none."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH runs AS ({_insertion(Run)}) {_insertion(RunSecret)}",
            [*_columns(Run, runs), *_columns(RunSecret, used)],
        )


def finish(ends: Sequence[tuple[UUID, str, int, str, int | None]]) -> None:
    """Store how runs ended: id, outcome, milliseconds, error code and the upstream's status of each."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE integrations_run AS run
            SET outcome = ended.outcome, duration_ms = ended.ms, error_code = ended.code, status = ended.status
            FROM unnest(%s::uuid[], %s::text[], %s::int[], %s::text[], %s::smallint[])
                AS ended (id, outcome, ms, code, status)
            WHERE run.id = ended.id
            """,
            [list(column) for column in zip(*ends, strict=True)],
        )


@cache
def _insertion(model: type[models.Model]) -> str:
    """The statement that inserts rows of a model, given its columns as arrays."""
    fields = _fields(model)
    names = ", ".join(f'"{field.column}"' for field in fields)
    arrays = ", ".join(f"%s::{field.db_type(connection)}[]" for field in fields)
    return f'INSERT INTO "{model._meta.db_table}" ({names}) SELECT * FROM unnest({arrays})'  # noqa: S608 - our models' names


def _columns(model: type[models.Model], rows: Sequence[models.Model]) -> list[list[Any]]:
    return [[getattr(row, field.attname) for row in rows] for field in _fields(model)]


@cache
def _fields(model: type[models.Model]) -> "list[models.Field[Any, Any]]":
    """Its columns, without an id that the database gives."""
    return [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
