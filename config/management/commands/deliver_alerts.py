"""Delivers alerts and webhooks that are due: `manage.py deliver_alerts`, where no server does (docs/webhooks.md)."""

from typing import Any

from typing_extensions import override

from accounts.management.base import OperatorCommand
from integrations.alerts.background import deliver_now


class Command(OperatorCommand):
    """Delivers until nothing is due. It is safe to run beside servers, twice, and again after a crash."""

    help = "Deliver alerts and webhooks that are due. A running server does this by itself."

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Print how much there was."""
        self.stdout.write(f"Steps with something to deliver: {deliver_now()}.")
