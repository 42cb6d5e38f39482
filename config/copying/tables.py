"""The tables of all models, read and written with the models' own conversions between the two databases."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from django.apps import apps
from django.db import connections, models

CHUNK = 500

Model = type[models.Model]
Row = tuple[Any, ...]


def copied_models() -> list[Model]:
    """Return the models whose rows are copied: all that have a table."""
    found = apps.get_models(include_auto_created=True)
    return [model for model in found if model._meta.managed and not model._meta.proxy]


def count(model: Model, alias: str) -> int:
    """Return the number of rows."""
    return model._base_manager.using(alias).count()


def _stored_fields(model: Model) -> list[Any]:
    """Return the fields that have a column that is written; the database generates the others."""
    return [field for field in model._meta.concrete_fields if not field.generated]


def rows(model: Model, alias: str) -> Iterator[Row]:
    """Yield every row, with the values of Python."""
    names = [field.attname for field in _stored_fields(model)]
    yield from model._base_manager.using(alias).order_by().values_list(*names).iterator(chunk_size=CHUNK)


def insert(model: Model, alias: str, given: Iterable[Row]) -> Iterator[int]:
    """Insert rows as they are, without the defaults and signals of the model, and yield the number of each batch."""
    connection, fields = connections[alias], _stored_fields(model)
    quote = connection.ops.quote_name
    names = ", ".join(quote(str(field.column)) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    statement = f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({marks})"  # noqa: S608 - our own names
    remaining = iter(given)
    while batch := list(islice(remaining, CHUNK)):
        stored = [
            [field.get_db_prep_save(value, connection) for field, value in zip(fields, row, strict=True)]
            for row in batch
        ]
        with connection.cursor() as cursor:
            cursor.executemany(statement, stored)
        yield len(batch)


def fingerprint(model: Model, alias: str) -> tuple[int, int]:
    """Return the number of rows and a sum of their hashes, which does not depend on their order."""
    number = total = 0
    for row in rows(model, alias):
        number += 1
        text = repr([_comparable(value) for value in row]).encode()
        total += int.from_bytes(hashlib.sha256(text).digest(), "big")
    return number, total % 2**256


def _comparable(value: Any) -> Any:
    """Return the value as both databases give it: `jsonb` does not keep the order of members."""
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, frozenset):
        return sorted(value)
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else value
