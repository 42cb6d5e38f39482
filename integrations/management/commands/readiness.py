"""Says what would stop a run: `manage.py readiness --organization SLUG [--environment production]`."""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError
from typing_extensions import override

from accounts.actors import actor_for_command
from accounts.common.environments import Environment
from accounts.common.paging import LARGEST_LIMIT
from accounts.management.base import OrganizationCommand, all_pages, organization_with
from integrations.readiness import matrix
from integrations.readiness.matrix import Readiness


class Command(OrganizationCommand):
    """Ends with status 1 where a run would be refused, so that a deployment can ask it. Nothing is opened or called."""

    help = "List what would stop a run of an integration. The exit status is 1 where something would."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the environment."""
        super().add_arguments(parser)
        parser.add_argument(
            "--environment",
            choices=[environment.value for environment in Environment],
            help="Only the integrations that run there. Without it, every environment of every integration.",
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Print a line for each problem."""
        actor = actor_for_command(organization_with(options["organization"]), "readiness")
        environment = Environment(options["environment"]) if options["environment"] else None
        rows = all_pages(lambda cursor: matrix.page(actor, environment, cursor=cursor, limit=LARGEST_LIMIT))
        found = [row for row in rows if environment is None or environment in row.integration.environments]
        unfit = [entry for entry in found if entry.problems]
        self.stdout.writelines(line for entry in unfit for line in _lines(entry))
        if unfit:
            raise CommandError(f"{len(unfit)} of {len(found)} would not run.")
        self.stdout.write(f"All {len(found)} would run.")


def _lines(entry: Readiness) -> Iterator[str]:
    where = entry.environment or "nowhere"
    for problem in entry.problems:
        yield f"{entry.integration.name}\t{where}\t{problem.code}\t{problem.detail}\n"
