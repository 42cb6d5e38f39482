"""Imports a `.env` file: `manage.py import_env --organization SLUG --environment staging < .env`."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from typing_extensions import override

from accounts.actors import actor_for_command
from accounts.common.environments import Environment
from accounts.management.base import OrganizationCommand, organization_with, refusals_told
from secrets_app.importing.apply import apply_import, check_import
from secrets_app.importing.plan import ImportChoices, LineAction
from secrets_app.plaintext import Plaintext


class Command(OrganizationCommand):
    """Reads standard input, so that the file may come from another program and is nowhere in the arguments."""

    help = "Store the entries of a .env file, from standard input, in one environment: all of them or none."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the environment and the choices."""
        super().add_arguments(parser)
        parser.add_argument("--environment", required=True, choices=[environment.value for environment in Environment])
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be done.")
        parser.add_argument("--allow-short", action="store_true", help="Store values under 8 characters.")
        parser.add_argument(
            "--leave-out", action="append", default=[], metavar="NAME", help="A line that is no secret."
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Import the text, and print a line for each entry: never a value."""
        organization = organization_with(options["organization"])
        act = check_import if options["dry_run"] else apply_import
        choices = ImportChoices(left_out=frozenset(options["leave_out"]), allow_short=options["allow_short"])
        with refusals_told():
            report = act(
                actor=actor_for_command(organization, "import_env"),
                environment=Environment(options["environment"]),
                text=Plaintext(sys.stdin.read()),
                choices=choices,
            )
        for line in report.lines:
            self.stdout.write(f"{line.number}\t{line.name or line.written}\t{line.act.value}\t{line.reason}".rstrip())
        if refused := report.of(LineAction.REFUSED):
            raise CommandError(f"{len(refused)} lines would be refused, so nothing would be stored.")
