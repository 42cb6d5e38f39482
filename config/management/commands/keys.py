"""Lists the keys, and repairs data keys that do not open: `manage.py keys [--repair]`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from secrets_app.errors import KeyUnavailable
from secrets_app.models import OrganizationKey
from secrets_app.sealing import canaries, keyring, repair
from secrets_app.sealing.repair import MasterKeyUse


class Command(BaseCommand):
    """Prints the master keys, and each data key that does not open with the values that it sealed."""

    help = (
        "List the master keys and the data keys that do not open in this process. --repair gives each organization "
        "without a usable data key the newest one that opens, or a new one; it deletes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the repair."""
        parser.add_argument("--repair", action="store_true", help="Make a data key that opens the active one.")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Print the keys, and repair them if asked.

        Raises:
            CommandError: a master key is another key than the one that this database is sealed with.
        """
        for key in repair.master_keys():
            self.stdout.write(_line(key))
        if problems := canaries.mismatches():
            raise CommandError("\n".join(problems))
        if options["repair"]:
            self._repair()
        lost = keyring.lost_keys()
        for data_key in lost:
            self.stdout.write(f"{_owner(data_key)}: {keyring.why_lost(data_key)}")
            for value in repair.lost_values(data_key):
                self.stdout.write(f"  Does not open: {value}. Enter a new value, or bring the master key back.")
        if not lost:
            self.stdout.write("Every data key opens.")

    def _repair(self) -> None:
        for organization in repair.organizations_to_repair():
            name = organization.slug if organization else "the installation"
            try:
                active = repair.repair(organization)
            except KeyUnavailable as problem:
                raise CommandError(problem.detail) from None
            self.stdout.write(f"Repaired {name}: data key {active.id} is active.")


def _line(key: MasterKeyUse) -> str:
    state = "seals new data keys" if key.is_primary else "opens" if key.is_held else "NOT held by this process"
    removable = ", may be removed" if key.is_held and not key.is_primary and not key.data_keys else ""
    return f"Master key {key.id}: {state}; data keys: {key.data_keys}{removable}."


def _owner(key: OrganizationKey) -> str:
    return key.organization.slug if key.organization else "The installation"
