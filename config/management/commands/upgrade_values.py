"""Seals the values of earlier versions again: `manage.py upgrade_values`, once after `manage.py migrate`.

A file in `var/` says for which database it was done. Whoever writes the database could undo every trace of the upgrade
there, and put an old value back, to have it sealed for other domains; the file is out of reach.
"""

from argparse import ArgumentParser
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection
from typing_extensions import override

from accounts.management.base import OperatorCommand
from config.management.progress import ProgressBar
from secrets_app.sealing import upgrade

CAME_BACK = """\
{number} values have the form of earlier versions and do not open, although this machine has upgraded its values.
If you restored a backup from before the upgrade: manage.py upgrade_values --again
If not, somebody has put old rows into the database. Enter new values for these secrets: {names}
"""


def _memory() -> Path:
    """Return the file that says that the values of this database were upgraded."""
    place = "\n".join(str(connection.settings_dict[name]) for name in ("ENGINE", "HOST", "PORT", "NAME"))
    folder: Path = settings.VAR
    return folder / f"values-upgraded-{sha256(place.encode()).hexdigest()[:12]}"


class Command(OperatorCommand):
    """Upgrades each organization once. It can be interrupted and run again; where nothing waits it says nothing."""

    help = (
        "Seal values that an earlier version stored again, bound to their allowed domains, and give each audit log a "
        "keyed entry. Until then these values do not open. Run it once after `manage.py migrate`."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the organizations whose log may have findings, and the repetition."""
        parser.add_argument("--again", action="store_true", help="Upgrade a backup from before the upgrade.")
        parser.add_argument(
            "--accept",
            metavar="SLUG",
            action="append",
            default=[],
            help="Upgrade this organization although its audit log is not intact.",
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Upgrade the organizations that wait, unless this machine did."""
        done = _memory()
        if done.exists() and not options["again"]:
            self._warn_of_old_values()
            return
        self._upgrade(options["accept"])
        done.touch()

    def _warn_of_old_values(self) -> None:
        if names := upgrade.old_values():
            self.stderr.write(CAME_BACK.format(number=len(names), names=", ".join(sorted(set(names)))))

    def _upgrade(self, accepted: list[str]) -> None:
        """Upgrade the organizations that wait, and print what was done and what was left."""
        waiting = upgrade.waiting()
        bar = ProgressBar(self.stdout, sum(upgrade.count_values(organization) for organization in waiting))
        changed = []
        for organization in waiting:
            name = organization.slug or str(organization.pk)
            try:
                done = upgrade.upgrade(organization, progress=bar.advance, despite_findings=name in accepted)
            except upgrade.LogNotIntact:
                changed.append(name)
                continue
            self.stdout.write(f"{name}: sealed {done.sealed} values again.")
            for sentence in done.left:
                self.stdout.write(f"  Left: {sentence} Enter a new value.")
        if changed:
            raise CommandError(
                f"Not upgraded, because the audit log is not intact: {', '.join(changed)}. Look at what "
                "`manage.py verify_audit` finds and at the allowed domains of their secrets; then repeat with "
                "`--accept SLUG`."
            )
