"""Deactivates an account: `manage.py deactivate_person --email ADDRESS`. `--undo` activates it again."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from typing_extensions import override

from accounts.actors import actor_for_command
from accounts.errors import Refusal
from accounts.management.base import OperatorCommand
from accounts.people.people import set_active


class Command(OperatorCommand):
    """Ends the person's sessions and refuses the API keys that they created."""

    help = "Deactivate a person's account. Its sessions end, and API keys that the person created are refused."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the address and `--undo`."""
        parser.add_argument("--email", required=True)
        parser.add_argument(
            "--undo", action="store_true", help="Activate the account again. This does not sign anybody in."
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Deactivate or activate the account."""
        try:
            user = set_active(
                email=options["email"],
                active=options["undo"],
                actor_in=lambda organization: actor_for_command(organization, "deactivate_person"),
            )
        except Refusal as refusal:
            raise CommandError(refusal.detail) from None
        self.stdout.write(f"{user.email} is {'active' if user.is_active else 'deactivated'}.")
