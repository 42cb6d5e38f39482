"""Entries of the audit log for programs: as the API presents them, and as lines of JSON."""

import json
from typing import Any

from accounts.models import AuditEvent


def event_out(event: AuditEvent) -> dict[str, Any]:
    """Return one event as the API presents it."""
    return {
        "id": event.id,
        "sequence": event.sequence,
        "event": event.event,
        "outcome": event.outcome,
        "actor": {"kind": event.actor_kind, "id": event.actor_id, "name": event.actor_label},
        "target": {"kind": event.target_kind, "id": event.target_id, "name": event.target_label},
        "environment": event.environment or None,
        "address": event.address,
        "data": event.data,
        "created_at": event.created_at,
        "chain": bytes(event.chain).hex(),
    }


def as_line(event: AuditEvent) -> str:
    """Return one event as a line of JSON."""
    return f"{json.dumps(_plain(event_out(event)))}\n"


def _plain(event: dict[str, Any]) -> dict[str, Any]:
    """Return the event with ids and times as strings."""
    actor, target = event["actor"], event["target"]
    return event | {
        "id": str(event["id"]),
        "actor": actor | {"id": str(actor["id"]) if actor["id"] else None},
        "target": target | {"id": str(target["id"]) if target["id"] else None},
        "created_at": event["created_at"].isoformat(),
    }
