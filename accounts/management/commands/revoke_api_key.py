"""Revokes an API key: `manage.py revoke_api_key cof_PREFIX`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from typing_extensions import override

from accounts.access.agent_sessions import stop_session
from accounts.access.api_keys import revoke_api_key
from accounts.actors import actor_for_command
from accounts.management.base import OperatorCommand
from accounts.models import ApiKey


class Command(OperatorCommand):
    """Finds the key by its prefix, which lists and logs show."""

    help = "Revoke the API key, or stop the session, with this prefix (cof_ and 11 characters)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the prefix."""
        parser.add_argument("prefix")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Revoke the key with its sessions, or stop the session."""
        key = ApiKey.objects.select_related("organization").filter(prefix=options["prefix"]).first()
        if key is None:
            raise CommandError("No API key has this prefix.")
        actor = actor_for_command(key.organization, "revoke_api_key")
        if key.parent_id:
            stop_session(actor=actor, session_id=key.id)
        else:
            revoke_api_key(actor=actor, key_id=key.id)
        self.stdout.write(f"Revoked {key.name}.")
