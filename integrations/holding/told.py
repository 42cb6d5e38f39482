"""An approval as callers are told of it, by the API and as a tool's answer: never what the call would send."""

from datetime import datetime
from typing import Any

from accounts.common.when import exact
from integrations.errors import ApprovalNeeded
from integrations.holding.deciders import page_of
from integrations.models import Approval


def as_json(approval: Approval, now: datetime) -> dict[str, Any]:
    """Return an approval, with its organization loaded, as JSON with times and ids as texts."""
    return {
        "id": str(approval.pk),
        "state": approval.state_at(now).value,
        "integration": {
            "id": str(approval.integration_id),
            "name": approval.integration_name,
            "kind": approval.kind,
        },
        "operation": approval.operation,
        "environment": approval.environment,
        "caller": approval.caller,
        "reason": approval.reason,
        "why": approval.why,
        "when": approval.when,
        "asked": approval.asked,
        "page": page_of(approval),
        "created_at": _moment(approval.created_at),
        "expires_at": _moment(approval.expires_at),
        "decided_by": approval.decided_by or None,
        "decided_at": _moment(approval.decided_at),
        "note": approval.note,
        "use_before": _moment(approval.use_before),
        "for_a_while": approval.is_for_a_while,
        "calls": approval.calls,
        "held_run_id": str(approval.held_run_id),
        "run_id": str(approval.made_run_id) if approval.made_run_id else None,
        "code": approval.error_code or None,
    }


def needed(approval: Approval, now: datetime) -> ApprovalNeeded:
    """Return the refusal of a call that waits: who was asked, and until when."""
    refusal = ApprovalNeeded(
        f"{approval.name} needs the approval of a person. The call waits for {approval.asked}, until "
        f"{exact(approval.expires_at)}. Once it is approved, make the same call again with the same arguments."
    )
    refusal.members |= {"approval_id": str(approval.pk), "approval": as_json(approval, now)}
    return refusal


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None
