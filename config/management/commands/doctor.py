"""Explains what is wrong with an installation: `manage.py doctor [--mail ADDRESS]` (docs/doctor.md)."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.core.validators import validate_email
from typing_extensions import override

from accounts.management.base import OperatorCommand
from config.doctor.examination import examine
from config.doctor.mail import test_mail


class Command(OperatorCommand):
    """Prints a line for each finding. Settings that cannot be read end the process before (`config.configuration`)."""

    help = (
        "Look for what is wrong with this installation, running or stopped, and say how to mend it. The exit status is "
        "1 if something is wrong. --mail sends a test mail."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the test mail."""
        parser.add_argument("--mail", metavar="ADDRESS", help="Send a test mail to this address.")

    @override
    def handle(self, *args: Any, mail: str | None = None, **options: Any) -> None:
        """Print the findings.

        Raises:
            CommandError: something is wrong.
        """
        if mail:
            try:
                validate_email(mail)
            except ValidationError:
                raise CommandError(f"{mail} is not an e-mail address.") from None
        number = 0
        for finding in test_mail(mail) if mail else examine():
            mark = self.style.ERROR("WRONG") if finding.is_wrong else "note "
            self.stdout.write(f"{mark}  {finding.subject}: {finding.sentence}")
            number += finding.is_wrong
        if number:
            raise CommandError(f"Wrong: {number}. The lines above say how to mend it.")
        self.stdout.write(self.style.SUCCESS("Nothing is wrong."))
