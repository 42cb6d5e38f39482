"""Take back every migration of the database that the environment names, the last first.

usage: python -m tests.support.databases.taken_back
"""

import gc

import django

if __name__ == "__main__":
    gc.set_threshold(50_000, 10, 50)  # migrations make thousands of classes
    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.loader import MigrationLoader

    for app in sorted(MigrationLoader(connection).migrated_apps):
        call_command("migrate", app, "zero", verbosity=0)
