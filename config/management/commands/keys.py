"""Lists the keys, and repairs data keys that do not open: `manage.py keys [--repair]`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from typing_extensions import override

from accounts.management.base import OperatorCommand
from secrets_app.errors import KeyUnavailable
from secrets_app.models import KeyState, OrganizationKey
from secrets_app.sealing import canaries, keyring, repair
from secrets_app.sealing.repair import MasterKeyUse

CHUNK = 200


class Command(OperatorCommand):
    """Prints the master and data keys with what needs them, and the values whose data key does not open."""

    help = (
        "List the master and data keys, what needs each, what may be removed and what does not open. --repair gives "
        "each organization without a usable data key the newest one that opens, or a new one; it deletes nothing."
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
        for data_key in repair.data_keys().iterator(chunk_size=CHUNK):
            self.stdout.write(f"{_owner(data_key)}: data key {data_key.id}, {_use(data_key)}.")
        if problems := canaries.mismatches():
            raise CommandError("\n".join(problems))
        if options["repair"]:
            self._repair()
        lost = keyring.lost_keys()
        for lost_key in lost:
            self.stdout.write(f"{_owner(lost_key)}: {keyring.why_lost(lost_key)}")
            for value in repair.lost_values(lost_key):
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
    removable = ", may be removed" if key.may_be_removed else ""
    return f"Master key {key.id}: {state}; data keys: {key.data_keys}, values: {key.values}{removable}."


def _use(key: Any) -> str:
    """Return what a data key of `repair.data_keys` does, under which master key, and what depends on it."""
    needed = f"values: {key.value_count}" if key.organization else "for audit logs and second factors"
    idle = key.state == KeyState.RETIRING.value and key.organization and not key.value_count
    state = "seals" if key.state == KeyState.ACTIVE.value else "opens only"
    removable = ", not needed: `manage.py rotate_data_keys` destroys it" if idle else ""
    return f"{state}, under the master key {key.master_key_id}; {needed}{removable}"


def _owner(key: OrganizationKey) -> str:
    return key.organization.slug if key.organization else "The installation"
