"""Daily housekeeping: `manage.py housekeeping`, run from cron or a timer."""

from typing import Any

from django.core.management import call_command
from typing_extensions import override

from accounts.access import idempotency
from accounts.access.agent_sessions import forget_ended
from accounts.audit import refused_attempts
from accounts.mail.outbox import forget_failed
from accounts.management.base import OperatorCommand
from accounts.people.people import forget_unconfirmed
from accounts.sign_in.seen_sign_ins import forget_old_sign_ins
from config.management.exported_heads import export_heads
from config.models import FinishedJob
from integrations.alerts import retention as retention_of_alerts
from integrations.approvals import retention as retention_of_approvals
from integrations.broker import retention
from integrations.broker.memory import nonces
from integrations.figures import keeping
from integrations.holding.expiring import expire_due
from integrations.rotation import rotation
from integrations.rules import counters
from integrations.tools.refreshing import refresh_due
from secrets_app.rotation.previous_values import destroy_expired
from secrets_app.rotation.reminders import remind, tell_expiring
from secrets_app.sealing.sealed_texts import forget_answers


class Command(OperatorCommand):
    """Deletes what has expired, sends reminders, writes the heads of the audit chains down, and lists tools anew.

    It is safe to run twice, concurrently, and again after a crash: each part is a transaction of its own.
    """

    help = (
        "Destroy previous values whose roll-back window has ended. Delete old results of rotation checks, old nonces, "
        "counters of refused attempts, old runs, expired sessions of people and of API keys, unconfirmed accounts and "
        "old places of sign-ins. Count the runs of hours that are over. Close the records of interrupted runs. Remind "
        "owners and admins of secrets whose rotation is due. Export the heads of the audit log. List the tools of MCP "
        "servers anew. Delete old deliveries of alerts. "
        "Forget requests that are a day old, and their answers, and counters of limits that are two days old. "
        "End approvals whose time is over, destroy the "
        "arguments of those that ended days ago, and delete old ones."
    )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Do the work and print how much there was."""
        destroyed, forgotten = destroy_expired(command="housekeeping"), rotation.forget_old()
        nonces.forget_old()
        refused_attempts.forget_old()
        idempotency.forget_old()
        forget_answers()
        counters.forget_unused()
        self.stdout.write(f"Destroyed previous values: {destroyed}. Deleted results of rotation checks: {forgotten}.")
        self.stdout.write(f"Counted hours of runs: {keeping.count_all()}. Deleted counts: {keeping.forget_old()}.")
        self.stdout.write(
            f"Deleted runs: {retention.forget_old()}. Deleted places of sign-ins: {forget_old_sign_ins()}."
        )
        self.stdout.write(f"Deleted ended sessions of API keys: {forget_ended()}.")
        self.stdout.write(f"Deleted unconfirmed accounts: {forget_unconfirmed()}.")
        self.stdout.write(f"Closed interrupted runs: {retention.close_interrupted()}.")
        call_command("clearsessions")
        self.stdout.write(f"Reminders of due rotations: {remind()}. Secrets that expire soon: {tell_expiring()}.")
        self.stdout.write(f"Deleted mails that nobody took: {forget_failed()}.")
        call_command("send_mail", stdout=self.stdout)
        self.stdout.write(export_heads())
        listed, silent = refresh_due(command="housekeeping")
        self.stdout.write(f"Listed the tools of MCP servers: {listed}. Not answered: {silent}.")
        self.stdout.write(f"Deleted deliveries: {retention_of_alerts.forget_old()}.")
        ended, destroyed = expire_due(), retention_of_approvals.destroy_contents()
        deleted = retention_of_approvals.forget_old()
        self.stdout.write(f"Ended approvals: {ended}. Destroyed arguments: {destroyed}. Deleted approvals: {deleted}.")
        FinishedJob.objects.note("housekeeping")
