"""Stops a person in every organization: `manage.py deactivate_person ADDRESS [--revoke-keys]`, `--undo`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.errors import NotFound
from accounts.services.switching import deactivate, reactivate

NAME = "deactivate_person"


class Command(BaseCommand):
    """Ends their sessions; says which API keys that they made go on working."""

    help = "Switch a person's account off, end their sessions, and name the API keys that they made."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who, and what else."""
        parser.add_argument("email", metavar="ADDRESS")
        parser.add_argument("--revoke-keys", action="store_true", help="Also revoke the API keys that they made.")
        parser.add_argument("--undo", action="store_true", help="Switch the account on again.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Do it and tell."""
        try:
            self._switch(options["email"], undo=options["undo"], revoke_keys=options["revoke_keys"])
        except NotFound as refusal:
            raise CommandError(refusal.detail) from None

    def _switch(self, email: str, *, undo: bool, revoke_keys: bool) -> None:
        if undo:
            reactivate(email=email, command=NAME)
            self.stdout.write("The account is switched on.")
            return
        working = deactivate(email=email, command=NAME, revoke_keys=revoke_keys)
        self.stdout.write("The account is switched off, and its sessions are over.")
        for key in working:
            self.stdout.write(f"An API key that they made still works: {key.prefix} ({key.name}).")
