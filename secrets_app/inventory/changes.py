"""What others changed in a secret since somebody opened it: names of fields, who and when, from the audit trail."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.audit.trail import Event
from accounts.common.environments import Environment
from accounts.models import AuditEvent, Organization

SHOWN_AT_MOST = 10
_WORDS = {"enabled": "Enabled", "allowed_domains": "allowed domains", "rotate_every_days": "rotation interval"}
_SWITCHES = {Event.SECRET_ENABLED.value: "switched it on", Event.SECRET_DISABLED.value: "switched it off"}


@dataclass(frozen=True, slots=True)
class Change:
    """One save by somebody: `what` is a few words such as `changed the description and the Staging value`."""

    who: str
    when: datetime
    what: str


def changes_since(organization: Organization, secret_id: UUID, version: int) -> list[Change]:
    """The saves that came after a version, newest first, at most `SHOWN_AT_MOST`."""
    events = AuditEvent.objects.filter(organization_id=organization.id, target_id=secret_id, data__version__gt=version)
    return [
        Change(event.actor_label, event.created_at, _what(event))
        for event in events.order_by("-sequence")[:SHOWN_AT_MOST]
    ]


def _what(event: AuditEvent) -> str:
    if event.event in _SWITCHES:
        return _SWITCHES[event.event]
    fields = [_WORDS.get(name, name) for name in event.data.get("fields", [])]
    values = [f"{Environment(name).label} value" for name in event.data.get("values", [])]
    return "changed: " + ", ".join([*fields, *values])
