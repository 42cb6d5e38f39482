"""Ends somebody's access: `manage.py deactivate_person --email ADDRESS`; `--undo` gives it back."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from accounts.actors import actor_for_command
from accounts.errors import Refusal
from accounts.people.people import set_active


class Command(BaseCommand):
    """Sessions end at once, and so do the API keys that the person made."""

    help = "Deactivate a person's account: its sessions, and the API keys that the person made, end at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who, and which way."""
        parser.add_argument("--email", required=True)
        parser.add_argument("--undo", action="store_true", help="Activate it again; nobody is signed in by that.")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        try:
            user = set_active(
                email=options["email"],
                active=options["undo"],
                actor_in=lambda organization: actor_for_command(organization, "deactivate_person"),
            )
        except Refusal as refusal:
            raise CommandError(refusal.detail) from None
        self.stdout.write(f"{user.email} is {'active' if user.is_active else 'deactivated'}.")
