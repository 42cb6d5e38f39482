"""The rows of the whole database, to compare before and after."""

from functools import cache

from django.apps import apps
from django.db import connection

from accounts.occurrences import Occurred, Occurrence

USE_OF_KEYS = ("last_used_at", "last_address", "last_user_agent")
"""The columns that each call by API key may write, and so the occurrence of its first use."""


def all_rows(*left_out):
    """Every row of our tables as the database has it, by the model, without the columns that are left out."""
    with connection.cursor() as cursor:
        return {name: _rows(cursor, *query) for name, query in _queries(left_out)}


def _rows(cursor, sql, params):
    cursor.execute(sql, params)
    return sorted(
        repr([bytes(cell) if isinstance(cell, memoryview) else cell for cell in row]) for row in cursor.fetchall()
    )


@cache
def _queries(left_out):
    """The query of each table. They are compiled once: some tests compare all rows hundreds of times."""
    models = [
        model
        for label in ("accounts", "secrets_app", "integrations")
        for model in apps.get_app_config(label).get_models()
    ]
    return [(model.__name__, _kept(model, left_out).query.sql_with_params()) for model in models]


def _kept(model, left_out):
    rows = model._default_manager.all()
    if model is Occurrence and USE_OF_KEYS[0] in left_out:
        rows = rows.exclude(type=Occurred.API_KEY_FIRST_USED.value)
    return rows.values_list(*[field.attname for field in model._meta.concrete_fields if field.attname not in left_out])
