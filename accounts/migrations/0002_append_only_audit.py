"""The triggers that keep audit events as they are, and the table of the database cache."""

from django.conf import settings
from django.core.management import call_command
from django.db import migrations

from accounts import triggers


def install(apps, schema_editor):
    for statement in triggers.INSTALL[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def remove(apps, schema_editor):
    for statement in triggers.REMOVE[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def create_cache_table(apps, schema_editor):
    """A cache in the database (the default) needs its table; another cache needs nothing."""
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


def drop_cache_table(apps, schema_editor):
    for cache in settings.CACHES.values():
        if cache["BACKEND"].endswith("DatabaseCache"):
            schema_editor.execute(f"DROP TABLE {schema_editor.quote_name(cache['LOCATION'])}")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.RunPython(install, remove),
        migrations.RunPython(create_cache_table, drop_cache_table),
    ]
