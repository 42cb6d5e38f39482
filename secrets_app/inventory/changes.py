"""The changes of a secret since a form was opened, read from the audit log: who, when and which fields."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.audit.trail import Event
from accounts.common.environments import Environment
from accounts.models import AuditEvent, Organization

SHOWN_AT_MOST = 10
_WORDS = {
    "enabled": "Enabled",
    "allowed_domains": "allowed domains",
    "is_identifier": "identifier",
    "required_in": "where a value is required",
    "rotate_every_days": "rotation interval",
    "expires_on": "expiry",
}
_SWITCHES = {Event.SECRET_ENABLED.value: "switched it on", Event.SECRET_DISABLED.value: "switched it off"}


@dataclass(frozen=True, slots=True)
class SavedChange:
    """A change that somebody saved. `what` is a phrase such as `changed: description, Staging value`."""

    who: str
    when: datetime
    what: str


def changes_since(organization: Organization, secret_id: UUID, version: int) -> list[SavedChange]:
    """Return the changes saved after a version, newest first, at most `SHOWN_AT_MOST`."""
    events = AuditEvent.objects.filter(organization_id=organization.id, target_id=secret_id, data__version__gt=version)
    return [
        SavedChange(event.actor_label, event.created_at, _what(event))
        for event in events.order_by("-sequence")[:SHOWN_AT_MOST]
    ]


def _what(event: AuditEvent) -> str:
    if event.event in _SWITCHES:
        return _SWITCHES[event.event]
    fields = [_WORDS.get(name, name) for name in event.data.get("fields", [])]
    values = [f"{Environment(name).label} value" for name in event.data.get("values", [])]
    return "changed: " + ", ".join([*fields, *values])
