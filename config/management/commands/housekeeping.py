"""Daily housekeeping: `manage.py housekeeping`, run from cron or a timer."""

from typing import Any

from django.core.management import call_command
from typing_extensions import override

from accounts.access.agent_sessions import forget_ended
from accounts.audit import refused_attempts
from accounts.mail.outbox import forget_failed
from accounts.management.base import OperatorCommand
from accounts.people.people import forget_unconfirmed
from accounts.sign_in.seen_sign_ins import forget_old_sign_ins
from config.management.exported_heads import export_heads
from config.models import FinishedJob
from integrations.broker import ledger, nonces, retention
from integrations.rotation import rotation
from integrations.tools.refreshing import refresh_due
from secrets_app.rotation.previous_values import destroy_expired
from secrets_app.rotation.reminders import remind


class Command(OperatorCommand):
    """Deletes what has expired, sends reminders, writes the heads of the audit chains down, and lists tools anew.

    It is safe to run twice, concurrently, and again after a crash: each part is a transaction of its own.
    """

    help = (
        "Destroy previous values whose roll-back window has ended. Delete old results of rotation checks, old nonces, "
        "counters of refused attempts, old runs, expired sessions of people and of API keys, unconfirmed accounts and "
        "old places of sign-ins. Close the records of interrupted runs. Remind owners and admins of secrets whose "
        "rotation is due. Export the heads of the audit log. List the tools of MCP servers anew."
    )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Do the work and print how much there was."""
        destroyed, forgotten = destroy_expired(command="housekeeping"), rotation.forget_old()
        nonces.forget_old()
        refused_attempts.forget_old()
        self.stdout.write(f"Destroyed previous values: {destroyed}. Deleted results of rotation checks: {forgotten}.")
        self.stdout.write(
            f"Deleted runs: {retention.forget_old()}. Deleted places of sign-ins: {forget_old_sign_ins()}."
        )
        self.stdout.write(f"Deleted ended sessions of API keys: {forget_ended()}.")
        self.stdout.write(f"Deleted unconfirmed accounts: {forget_unconfirmed()}.")
        self.stdout.write(f"Closed interrupted runs: {ledger.close_interrupted()}.")
        call_command("clearsessions")
        self.stdout.write(f"Reminders of due rotations: {remind()}.")
        self.stdout.write(f"Deleted mails that nobody took: {forget_failed()}.")
        call_command("send_mail", stdout=self.stdout)
        self.stdout.write(export_heads())
        listed, silent = refresh_due(command="housekeeping")
        self.stdout.write(f"Listed the tools of MCP servers: {listed}. Not answered: {silent}.")
        FinishedJob.objects.note("housekeeping")
