"""Emptying the database after a test that commits."""

import time
from contextlib import nullcontext

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import OperationalError, connection, transaction

from secrets_app.sealing import canaries, seeds
from tests.support.audit import audit_unlocked

OF_MIGRATIONS = {model._meta.db_table for model in (ContentType, Permission)}
"""Filled by migrations alone. To make their rows again costs as much as to empty all tables."""


ATTEMPTS, PAUSE = 5, 0.2
"""How often the tables are emptied at most, and the seconds between."""


def empty_tables(*_: object) -> None:
    """Delete every row but those of migrations, and make the data key of the installation and the canary again.

    A database thread may be in the last statement of something that the test has stopped. PostgreSQL then ends one of
    the two as a deadlock, which is the emptying where it came second.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _empty()
        except OperationalError:
            if attempt == ATTEMPTS:
                raise
            time.sleep(PAUSE)
        else:
            break
    canaries.forget()
    seeds.ensure_installation_key()


def _empty() -> None:
    """Delete the rows of the tables that have some, which is much less work than to truncate each table.

    PostgreSQL locks them all first, as TRUNCATE would: what is still being written is awaited, or comes too late.
    """
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    tables = {name: connection.ops.quote_name(name) for name in names if name not in OF_MIGRATIONS}
    has_rows = (f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {table})" for name, table in tables.items())
    is_on_postgres = connection.vendor == "postgresql"  # which takes no statement more in a transaction that failed
    once = nullcontext() if is_on_postgres else transaction.atomic()
    with once, audit_unlocked(), transaction.atomic(), connection.cursor() as cursor:
        if is_on_postgres:
            cursor.execute(f"LOCK TABLE {', '.join(tables.values())} IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(" UNION ALL ".join(has_rows))
        for (name,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {tables[name]}")
