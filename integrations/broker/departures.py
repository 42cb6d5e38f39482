"""What goes with an organization beside what foreign keys reach: answered nonces, and runs, of which there are many."""

from typing import Any

from accounts.models import Organization
from integrations.broker import ledger, nonces


def follow_deletion(sender: Any, *, organization: Organization, **more: Any) -> None:  # noqa: ARG001
    """The receiver of `organization_deleting`."""
    nonces.forget_all(organization)
    ledger.forget_all(organization)
