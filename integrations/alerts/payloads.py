"""What is said of an event: ids, names and a link, never a value.

The same bytes go out with each try, so the text is made once, when the event is put into a queue.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from accounts.mail.sending import link
from accounts.models import AuditEvent, Organization
from accounts.occurrences import Occurrence
from integrations.alerts.events import BY_ACT, BY_OCCURRENCE, TEST
from integrations.holding.deciders import page_at

ABOUT_LENGTH = 150
OBJECTS = ("secret", "integration", "api_key", "member", "approval")
COPIED = ("host", "environments", "old", "new", "reason", "decision")
"""Details of the audit log that a payload repeats: where a secret may go now, roles, why something was stopped, what a
person decided."""


@dataclass(frozen=True, slots=True)
class Notice:
    """An event as it is told. `id` is the same for every endpoint and try; `about` is the name of what it is about."""

    id: str
    type: str
    about: str
    at: datetime
    body: str


def of_act(organization: Organization, entry: AuditEvent) -> Notice:
    """Return what is said of an entry of the audit log whose event is in the table."""
    kind = entry.target_kind
    about = {"id": _text(entry.target_id), "name": entry.target_label}
    data: dict[str, Any] = {kind: about} if kind in OBJECTS else {}
    if entry.environment:
        data["environment"] = entry.environment
    data["actor"] = {"kind": entry.actor_kind, "id": _text(entry.actor_id), "name": entry.actor_label}
    data |= {name: entry.data[name] for name in COPIED if entry.data.get(name)}
    return _notice(organization, f"evt_{entry.id.hex}", BY_ACT[entry.event].name, entry.created_at, data)


def of_occurrence(organization: Organization, occurrence: Occurrence) -> Notice:
    """Return what is said of an occurrence that is in the table."""
    name = BY_OCCURRENCE[occurrence.type].name
    return _notice(organization, f"evt_{occurrence.id.hex}", name, occurrence.created_at, occurrence.data)


def of_state(organization: Organization, name: str, at: datetime, data: Mapping[str, Any]) -> Notice:
    """Return what is said of a state that has lasted."""
    return _notice(organization, f"evt_{uuid4().hex}", name, at, data)


def of_test(organization: Organization, at: datetime, *, sent_by: str) -> Notice:
    """Return a test event."""
    return _notice(organization, f"evt_{uuid4().hex}", TEST, at, {"sent_by": sent_by})


def _notice(organization: Organization, event_id: str, name: str, at: datetime, data: Mapping[str, Any]) -> Notice:
    told = {
        "id": event_id,
        "organization": {"id": str(organization.pk), "name": organization.name, "slug": organization.slug},
        **data,
        "link": _link(organization, name, data),
    }
    body = {"type": name, "timestamp": _moment(at), "data": told}
    about = next((str(data[kind].get("name", "")) for kind in OBJECTS if isinstance(data.get(kind), dict)), "")
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=str)
    return Notice(event_id, name, (about or str(data.get("sent_by", organization.name)))[:ABOUT_LENGTH], at, text)


def _link(organization: Organization, name: str, data: Mapping[str, Any]) -> str:
    """Return the address of the page that says more."""
    slug = organization.slug
    if approval := _id_of(data.get("approval")):
        return page_at(slug, approval)
    for kind, route in (("integration", "integration-edit"), ("secret", "secret-where-used"), ("api_key", "api-key")):
        if found := _id_of(data.get(kind)):
            return link("audit", slug) if name == "secret.deleted" else link(route, slug, found)
    if "member" in data:
        return link("members", slug)
    return link("alerts", slug) if name == TEST else link("audit", slug)


def _id_of(told: object) -> UUID | None:
    try:
        return UUID(str(told["id"])) if isinstance(told, dict) else None
    except (KeyError, ValueError):
        return None


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(value: UUID | None) -> str | None:
    return str(value) if value else None
