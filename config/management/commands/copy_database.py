"""Moves from SQLite to PostgreSQL: `manage.py copy_database --to URL` (docs/backup.md)."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from typing_extensions import override

from accounts.management.base import OperatorCommand
from config.copying import moving
from config.copying.errors import CannotCopy
from config.management.progress import ProgressBar


class Command(OperatorCommand):
    """Copies everything or nothing. The SQLite database stays as it was."""

    help = (
        "Copy the SQLite database of DATABASE_URL to an empty PostgreSQL database with the same migrations, and "
        "compare every row, the audit log and the keys. Stop Coffer before."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the new database."""
        parser.add_argument(
            "--to",
            metavar="URL",
            required=True,
            help="postgres://user@host:5432/name, as the owner of its tables. Leave the password out, for everybody "
            "can read a command line: set PGPASSWORD or use ~/.pgpass.",
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Copy and compare.

        Raises:
            CommandError: nothing was copied.
        """
        bar = ProgressBar(self.stdout, moving.steps(), "rows copied or compared")
        try:
            number = moving.copy_to(options["to"], bar.advance)
        except CannotCopy as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(f"Copied {number} rows. Set DATABASE_URL to the new database before you start Coffer again.")
