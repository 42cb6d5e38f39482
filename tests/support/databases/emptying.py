"""Emptying the database after a test that commits."""

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management.color import no_style
from django.db import connection

from secrets_app.sealing import seeds
from tests.support.audit import audit_unlocked

OF_MIGRATIONS = {model._meta.db_table for model in (ContentType, Permission)}
"""Filled by migrations alone. To make their rows again costs as much as to empty all tables."""


def empty_tables(*_: object) -> None:
    """Delete every row but those of migrations, and make the data key of the installation again."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    tables = [name for name in names if name not in OF_MIGRATIONS]
    with audit_unlocked():
        connection.ops.execute_sql_flush(connection.ops.sql_flush(no_style(), tables))
    seeds.ensure_installation_key()
