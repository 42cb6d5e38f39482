"""Creates an API key and prints it once.

`manage.py create_api_key --organization SLUG --name NAME --scope … --environment …`
"""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from typing_extensions import override

from accounts.access.api_keys import MAX_CONCURRENT, create_api_key
from accounts.actors import actor_for_command
from accounts.common.environments import Environment
from accounts.management.base import OrganizationCommand, organization_with, refusals_told
from accounts.policy import Scope


class Command(OrganizationCommand):
    """Prints only the key on standard output, so that scripts can read it."""

    help = "Create an API key for an organization and print it on standard output, once."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the attributes of the key."""
        super().add_arguments(parser)
        parser.add_argument("--name", required=True)
        parser.add_argument("--scope", required=True, action="append", choices=[scope.value for scope in Scope])
        parser.add_argument(
            "--environment", required=True, action="append", choices=[environment.value for environment in Environment]
        )
        parser.add_argument(
            "--expires-days", type=int, metavar="DAYS", help="Days until the key expires. Without it, it never does."
        )
        parser.add_argument(
            "--integration",
            action="append",
            type=UUID,
            metavar="ID",
            help="An integration that the key may use; repeat it for several. Without it, the key may use all.",
        )
        parser.add_argument(
            "--secret",
            action="append",
            type=UUID,
            metavar="ID",
            help="A secret that the scope secrets.use is limited to; repeat it for several. Without it, it is for all.",
        )
        parser.add_argument(
            "--max-concurrent", type=int, default=MAX_CONCURRENT, metavar="N", help="Concurrent calls per process."
        )
        parser.add_argument(
            "--max-per-minute", type=int, metavar="N", help="Calls per minute. The default is no limit."
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Create the key and print it."""
        organization = organization_with(options["organization"])
        with refusals_told():
            _, text = create_api_key(
                actor=actor_for_command(organization, "create_api_key"),
                name=options["name"],
                scopes=[Scope(scope) for scope in options["scope"]],
                environments=[Environment(environment) for environment in options["environment"]],
                integrations=options["integration"],
                secrets=options["secret"],
                expires_at=timezone.now() + timedelta(days=days) if (days := options["expires_days"]) else None,
                max_concurrent=options["max_concurrent"],
                max_per_minute=options["max_per_minute"],
            )
        self.stdout.write(text.text)
