"""Emptying the database after a test that commits."""

import time

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management.color import no_style
from django.db import OperationalError, connection

from secrets_app.sealing import seeds
from tests.support.audit import audit_unlocked

OF_MIGRATIONS = {model._meta.db_table for model in (ContentType, Permission)}
"""Filled by migrations alone. To make their rows again costs as much as to empty all tables."""


ATTEMPTS, PAUSE = 5, 0.2
"""How often the tables are emptied at most, and the seconds between."""


def empty_tables(*_: object) -> None:
    """Delete every row but those of migrations, and make the data key of the installation again.

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
    seeds.ensure_installation_key()


def _empty() -> None:
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    tables = [name for name in names if name not in OF_MIGRATIONS]
    with audit_unlocked():
        connection.ops.execute_sql_flush(connection.ops.sql_flush(no_style(), tables))
