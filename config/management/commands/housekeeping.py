"""What has to be cleared up once a day: `manage.py housekeeping`, from cron or a timer."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts import attempts
from integrations import ledger, nonces, rotation
from secrets_app.services.rotation import destroy_expired


class Command(BaseCommand):
    """Safe to run twice, in parallel, and again after a crash: each piece of work is a transaction of its own."""

    help = (
        "Destroy values whose roll-back window is over; forget results of old rotation checks, nonces that nobody "
        "takes any more, counters of refused attempts, and old runs."
    )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Do it, and say how much there was."""
        destroyed, forgotten = destroy_expired(command="housekeeping"), rotation.forget_old()
        nonces.forget_old()
        attempts.forget_old()
        self.stdout.write(f"Previous values destroyed: {destroyed}. Results of rotation checks forgotten: {forgotten}.")
        self.stdout.write(f"Runs forgotten: {ledger.forget_old()}.")
