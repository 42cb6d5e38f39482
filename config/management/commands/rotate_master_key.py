"""Wraps every data key with the first master key: `manage.py rotate_master_key` (docs/keys.md)."""

from typing import Any

from django.core.management.base import CommandError
from django.db import OperationalError
from typing_extensions import override

from accounts.management.base import OperatorCommand
from config.management.progress import ProgressBar
from secrets_app.errors import KeyUnavailable
from secrets_app.sealing import held_keys, repair, rewrapping


class Command(OperatorCommand):
    """Says at the end which master keys nothing needs any more, and what remains."""

    help = (
        f"Wrap every data key with the first master key of {held_keys.VARIABLE}. Every host has to list both keys "
        "before. It can be interrupted and run again, while people and programs work."
    )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Wrap the data keys again.

        Raises:
            CommandError: a data key remains under another master key, or this process holds a wrong one.
        """
        bar = ProgressBar(self.stdout, rewrapping.waiting().count(), "data keys")
        try:
            done = rewrapping.rewrap_all(progress=bar.advance)
        except KeyUnavailable as problem:
            raise CommandError(problem.detail) from None
        except OperationalError:
            raise CommandError("The database is busy or does not answer. Nothing is lost: run this again.") from None
        first = held_keys.current.primary_id
        self.stdout.write(f"Wrapped {done.rewrapped} data keys with the master key {first}.")
        if remaining := rewrapping.waiting().count():
            sentences = [*done.left, f"{remaining} data keys are not under the master key {first}. Run this again."]
            raise CommandError("\n".join(sentences))
        self._name_what_may_go()

    def _name_what_may_go(self) -> None:
        for key in repair.master_keys():
            if key.may_be_removed:
                self.stdout.write(
                    f"Nothing needs the master key {key.id}. If it is the old one, remove it from "
                    f"{held_keys.VARIABLE} once every host has the master key {held_keys.current.primary_id} in front."
                )
