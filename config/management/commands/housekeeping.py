"""What has to be cleared up once a day: `manage.py housekeeping`, from cron or a timer."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from typing_extensions import override

from accounts.audit import refused_attempts
from accounts.people.people import forget_unconfirmed
from accounts.sign_in.seen_sign_ins import forget_old_sign_ins
from integrations.broker import ledger, nonces
from integrations.rotation import rotation
from secrets_app.rotation.previous_values import destroy_expired
from secrets_app.rotation.reminders import remind


class Command(BaseCommand):
    """Safe to run twice, in parallel, and again after a crash: each piece of work is a transaction of its own."""

    help = (
        "Destroy values whose roll-back window is over; forget results of old rotation checks, nonces that nobody "
        "takes any more, counters of refused attempts, old runs, sessions that are over, accounts that nobody "
        "confirmed, and from where people signed in long ago; write to owners and admins where a rotation became due."
    )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and say how much there was."""
        destroyed, forgotten = destroy_expired(command="housekeeping"), rotation.forget_old()
        nonces.forget_old()
        refused_attempts.forget_old()
        self.stdout.write(f"Previous values destroyed: {destroyed}. Results of rotation checks forgotten: {forgotten}.")
        self.stdout.write(f"Runs forgotten: {ledger.forget_old()}. Sign-ins forgotten: {forget_old_sign_ins()}.")
        self.stdout.write(f"Accounts that nobody confirmed removed: {forget_unconfirmed()}.")
        call_command("clearsessions")
        self.stdout.write(f"Secrets of which people were told that a rotation is due: {remind()}.")
