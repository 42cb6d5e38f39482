"""Take back every migration of the database that the environment names, the last first, and apply all again.

usage: python -m tests.support.databases.back_and_forth
"""

import django

if __name__ == "__main__":
    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.loader import MigrationLoader

    for app in sorted(MigrationLoader(connection).migrated_apps):
        call_command("migrate", app, "zero", verbosity=0)
    left = set(connection.introspection.table_names()) - {"django_migrations"}
    call_command("migrate", verbosity=0)
    print(*sorted(left))  # noqa: T201
