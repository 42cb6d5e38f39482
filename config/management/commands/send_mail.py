"""Sends mail again that the mail server did not take: `manage.py send_mail`, every five minutes from a timer."""

from typing import Any

from typing_extensions import override

from accounts.management.base import OperatorCommand
from accounts.people.mail_again import send_due


class Command(OperatorCommand):
    """Makes the attempts that are due. It is safe to run twice, concurrently, and again after a crash."""

    help = "Send mail again that the mail server did not take. Waiting mail is listed in the administration."

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many were sent."""
        done = send_due()
        self.stdout.write(f"Sent waiting mails: {done.sent}. Refused again: {done.refused}.")
