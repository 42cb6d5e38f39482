"""Gives organizations new data keys and seals their values again: `manage.py rotate_data_keys` (docs/keys.md)."""

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import CommandError
from django.db import OperationalError
from django.utils import timezone
from typing_extensions import override

from accounts.management.base import OperatorCommand
from accounts.models import Organization
from config.management.progress import ProgressBar
from secrets_app.errors import KeyUnavailable
from secrets_app.sealing import resealing


class Command(OperatorCommand):
    """Says at the end what was done, and which values stay under an old data key."""

    help = (
        "Give each organization a new data key, seal its values again and destroy the old data key. It can be "
        "interrupted and run again, while people and programs work."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the organization and the age of the data keys to replace."""
        parser.add_argument("--organization", metavar="SLUG", help="Only this organization.")
        parser.add_argument(
            "--older-than",
            metavar="HOURS",
            type=int,
            default=24,
            help="Replace data keys that are older than this (24), so that a second run goes on where one stopped.",
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate the data keys.

        Raises:
            CommandError: something stays under an old data key, or cannot be opened in this process.
        """
        made_before = timezone.now() - timedelta(hours=options["older_than"])
        chosen = _chosen(options["organization"], made_before)
        bar = ProgressBar(self.stdout, resealing.count_values(chosen, made_before), "values")
        left: list[str] = []
        for organization in chosen:
            left += [f"{organization.slug}: {sentence}" for sentence in self._rotate(organization, made_before, bar)]
        if left:
            raise CommandError("\n".join(left))
        if not chosen:
            self.stdout.write(f"No data key is older than {options['older_than']} hours.")

    def _rotate(self, organization: Organization, made_before: datetime, bar: ProgressBar) -> list[str]:
        """Rotate the data key of an organization, and return what stays as it was."""
        try:
            done = resealing.rotate(organization, made_before=made_before, progress=bar.advance)
        except KeyUnavailable as problem:
            return [problem.detail]
        except OperationalError:
            raise CommandError("The database is busy or does not answer. Nothing is lost: run this again.") from None
        self.stdout.write(f"{organization.slug}: sealed {done.sealed} values, destroyed {done.destroyed} data keys.")
        return [*done.left.values()]


def _chosen(slug: str | None, made_before: datetime) -> list[Organization]:
    if slug and not Organization.objects.filter(slug=slug).exists():
        raise CommandError(f"There is no organization {slug}. `manage.py keys` lists those with a data key.")
    return [organization for organization in resealing.due(made_before) if slug in {None, organization.slug}]
