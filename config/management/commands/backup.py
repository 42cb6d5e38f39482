"""Writes a copy of the database to a file: `manage.py backup --to FILE` (docs/backup.md)."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from typing_extensions import override

from accounts.management.base import OperatorCommand
from config.copying.backup import back_up
from config.copying.errors import CannotCopy


class Command(OperatorCommand):
    """Works while people and programs do; the copy is the database of one moment."""

    help = (
        "Write a consistent copy of the database to a new file that only its owner may read. It holds no master key: "
        "keep those elsewhere, for without them no value in the copy opens."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the file."""
        parser.add_argument("--to", metavar="FILE", type=Path, required=True, help="The file, which must not exist.")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Write the copy.

        Raises:
            CommandError: it was not written.
        """
        try:
            back_up(options["to"])
        except CannotCopy as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(f"Wrote {options['to']}. The master keys are not in it: keep them apart from it.")
