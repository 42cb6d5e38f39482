"""Looks for migrations that lock a table for long or break the version before them, on PostgreSQL (for `make lint`).

usage: python -m tests.support.databases.migration_linter

The linter asks a database for the SQL of each migration. `DATABASE_URL` names an existing server to use instead of one
of our own, as for the tests.
"""

import logging
import os
import sys
from pathlib import Path

from tests import environment, run  # noqa: F401 - the environment is set by its import
from tests.support.source import APPS

NEW_COLUMNS = "Columns that the version before does not fill: it was stopped for the upgrade, as its notes said."
INDEXES = "Indexes made beside the columns that they are on, while Coffer was stopped."
IGNORED = {
    "accounts.0003_key_limits": NEW_COLUMNS,
    "accounts.0004_audit_log": INDEXES,
    "accounts.0005_sign_in": INDEXES,
    "accounts.0006_people": NEW_COLUMNS,
    "accounts.0007_refused_attempts": INDEXES,
    "accounts.0009_suspended_api_keys": NEW_COLUMNS,
    "accounts.0010_acts": NEW_COLUMNS,
    "integrations.0004_connection": INDEXES,
    "secrets_app.0002_rotation": NEW_COLUMNS,
    "secrets_app.0003_inventory_orders": INDEXES,
    "secrets_app.0007_identifiers": "The column has a default in the database, which the linter does not see in SQL.",
}
"""Migrations with findings that hold no more, and why. What is new gets no entry (docs/upgrading.md, "Migrations")."""


def main() -> int:
    """Lint the migrations of our apps; 1 if there are findings."""
    if "PostgreSQL" in run.missing():
        sys.stdout.write("\n*** LEFT OUT: PostgreSQL is not installed, so migrations are not linted. ***\n")
        return int(os.environ.get("CI") == "true")
    with run.database() as url:
        os.environ.update(DJANGO_SETTINGS_MODULE="config.settings", DATABASE_URL=url)
        return _findings()


def _findings() -> int:
    import django
    from django.db import connection
    from django_migration_linter import MigrationLinter

    django.setup()
    logging.getLogger("django_migration_linter").setLevel(logging.WARNING)
    linter = MigrationLinter(
        path=str(Path(__file__).parent.parent),
        no_cache=True,
        quiet=["ok", "ignore"],
        warnings_as_errors_tests=["CREATE_INDEX", "CREATE_INDEX_EXCLUSIVE"],
    )
    for (app, name), migration in sorted(linter.migration_loader.disk_migrations.items()):
        if app in APPS and f"{app}.{name}" not in IGNORED:
            linter.lint_migration(migration)
    connection.close()
    return int(linter.has_errors)


if __name__ == "__main__":
    sys.exit(main())
