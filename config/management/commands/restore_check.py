"""Says whether everything in a restored database opens: `manage.py restore_check` (docs/backup.md)."""

from typing import Any

from django.core.management.base import CommandError
from typing_extensions import override

from accounts.management.base import OperatorCommand
from config.copying import restored
from config.management.progress import ProgressBar
from secrets_app.models import OrganizationKey
from secrets_app.sealing import keyring


class Command(OperatorCommand):
    """Changes nothing. The exit code is 1 if something does not open."""

    help = (
        "Open every data key, and one value of each, with the master keys of this process. Say what does not open, and "
        "which master key would open it."
    )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Open the keys.

        Raises:
            CommandError: something does not open.
        """
        number = OrganizationKey.objects.kept().count()
        problems = restored.problems(ProgressBar(self.stdout, number).advance)
        if problems:
            raise CommandError("\n".join(problems))
        self.stdout.write(f"All {number} data keys open with the master keys {', '.join(sorted(keyring.held_ids()))}.")
