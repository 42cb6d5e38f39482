"""The events that an endpoint can choose: one table for dispatch, pages, API and docs/webhooks.md."""

from dataclasses import dataclass, field
from typing import Any

from accounts.audit.trail import Event
from accounts.occurrences import Occurred


@dataclass(frozen=True, slots=True)
class EventType:
    """A type of event.

    Attributes:
        acts: the events of the audit log that it stands for.
        occurrence: otherwise, what occurred.
        words: what happened, as a sentence before the name of what it is about.
        group: the row of the page *Alerts*.
        example: `data` of an example, without what every event has.
    """

    name: str
    words: str
    group: str
    acts: tuple[Event, ...] = ()
    occurrence: Occurred | None = None
    example: dict[str, Any] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """Where it comes from."""
        return "audit log" if self.acts else "occurrence"


TEST = "test"
"""The type of a test event, which nobody chooses."""

APPROVALS, FAILS, STOPS, BUDGETS, SECRETS, DUE, REFUSED, KEYS, MEMBERS, AUDIT = (
    "A call waits for a person, is decided or expires",
    "An integration fails or recovers",
    "Agents are stopped or started again",
    "A budget is nearly or fully spent",
    "A secret goes missing, is disabled or deleted, or gains a destination",
    "A secret is due or expires",
    "A run is refused for a domain",
    "A key is made, first used or revoked",
    "Members change",
    "The head of the audit log",
)
CHANGES = "A secret is created, changed or rotated"
GROUPS = (APPROVALS, FAILS, STOPS, BUDGETS, SECRETS, DUE, CHANGES, REFUSED, KEYS, MEMBERS, AUDIT)

_ID = "6f1c4e0a-9f0e-4c5b-8a7d-2f6f0a1b3c4d"
_SECRET = {"secret": {"id": _ID, "name": "crm.apiKey"}}
_INTEGRATION = {"integration": {"id": _ID, "name": "Log call"}, "environment": "production"}
_KEY = {"api_key": {"id": _ID, "name": "voice runtime"}}
_BUDGET = {**_KEY, "day": "2026-11-30"}
_APPROVAL = {"approval": {"id": _ID, "name": "call of Refunds"}, "environment": "production"}
_WHY = {"reason": "Refunds went to the wrong customers"}
_MEMBER = {"member": {"id": _ID, "name": "mara@harbor.example"}}
_FAILING = {**_INTEGRATION, "code": "upstream_error", "status": 401, "run": {"id": _ID}}
_REFUSED = {**_INTEGRATION, "host": "api.example.com", "run": {"id": _ID}}
_IN_STAGING = {**_SECRET, "environment": "staging"}

EVENT_TYPES = (
    EventType("agent.started", "Agent started again:", STOPS, (Event.API_KEY_STARTED,), example=_KEY),
    EventType("agent.stopped", "Agent stopped:", STOPS, (Event.API_KEY_STOPPED,), example={**_KEY, **_WHY}),
    EventType("agents.started", "All agents started again in", STOPS, (Event.ORGANIZATION_AGENTS_STARTED,)),
    EventType("agents.stopped", "All agents stopped in", STOPS, (Event.ORGANIZATION_AGENTS_STOPPED,), example=_WHY),
    EventType("api_key.created", "API key made:", KEYS, (Event.API_KEY_CREATED,), example=_KEY),
    EventType("api_key.first_used", "First use of API key", KEYS, (), Occurred.API_KEY_FIRST_USED, _KEY),
    EventType("api_key.revoked", "API key revoked:", KEYS, (Event.API_KEY_REVOKED,), example=_KEY),
    EventType(
        "approval.decided", "Decided:", APPROVALS, (Event.APPROVAL_APPROVED, Event.APPROVAL_DENIED),
        example={**_APPROVAL, "decision": "approved"},
    ),
    EventType("approval.expired", "Expired:", APPROVALS, (Event.APPROVAL_EXPIRED,), example=_APPROVAL),
    EventType("approval.needed", "Waits for a person:", APPROVALS, (Event.APPROVAL_HELD,), example=_APPROVAL),
    EventType(
        "audit.head", "Head of the audit log:", AUDIT, (), Occurred.AUDIT_HEAD, {"sequence": 812, "chain": "9c1f…"}
    ),
    EventType("budget.nearly_spent", "Budget spent to 80 %:", BUDGETS, (), Occurred.BUDGET_NEARLY_SPENT, _BUDGET),
    EventType("budget.spent", "Budget of today spent:", BUDGETS, (), Occurred.BUDGET_SPENT, _BUDGET),
    EventType("integration.failing", "Failing:", FAILS, (), Occurred.INTEGRATION_FAILING, _FAILING),
    EventType("integration.recovered", "Works again:", FAILS, (), Occurred.INTEGRATION_RECOVERED, _INTEGRATION),
    EventType("member.joined", "New member:", MEMBERS, (Event.MEMBER_ADDED, Event.MEMBER_JOINED), example=_MEMBER),
    EventType("member.left", "Left:", MEMBERS, (Event.MEMBER_LEFT, Event.MEMBER_REMOVED), example=_MEMBER),
    EventType("member.role_changed", "Role changed:", MEMBERS, (Event.MEMBER_ROLE_CHANGED,), example=_MEMBER),
    EventType(
        "run.refused_domain", "Refused for its domain:", REFUSED, (), Occurred.RUN_REFUSED_DOMAIN, _REFUSED
    ),
    EventType("secret.changed", "Secret changed:", CHANGES, (Event.SECRET_CHANGED,), example=_SECRET),
    EventType("secret.created", "Secret created:", CHANGES, (Event.SECRET_CREATED,), example=_SECRET),
    EventType("secret.deleted", "Secret deleted:", SECRETS, (Event.SECRET_DELETED,), example=_SECRET),
    EventType(
        "secret.destination_added", "New destination of", SECRETS, (Event.SECRET_DESTINATION_ADDED,),
        example={**_SECRET, "host": "api.example.com"},
    ),
    EventType("secret.disabled", "Secret disabled:", SECRETS, (Event.SECRET_DISABLED,), example=_SECRET),
    EventType("secret.due", "Rotation due:", DUE, (), Occurred.SECRET_DUE, _SECRET),
    EventType(
        "secret.expiring", "Expires soon:", DUE, (), Occurred.SECRET_EXPIRING, {**_SECRET, "expires_on": "2026-12-31"}
    ),
    EventType("secret.missing", "Secret missing:", SECRETS, (), Occurred.SECRET_MISSING, _SECRET),
    EventType(
        "secret.rotated", "Secret rotated:", CHANGES, (Event.SECRET_PROMOTED, Event.SECRET_ROLLED_BACK),
        example=_IN_STAGING,
    ),
)  # fmt: skip
"""Every type, in alphabetical order."""

BY_NAME = {event_type.name: event_type for event_type in EVENT_TYPES}
BY_ACT = {act.value: event_type for event_type in EVENT_TYPES for act in event_type.acts}
BY_OCCURRENCE = {event_type.occurrence.value: event_type for event_type in EVENT_TYPES if event_type.occurrence}

LASTING = {Occurred.INTEGRATION_FAILING.value, Occurred.INTEGRATION_RECOVERED.value}
"""States, of which an endpoint is told once they have lasted (`integrations.alerts.watches`)."""


def chosen(events: list[str], name: str) -> bool:
    """Return whether a choice of events includes a type."""
    return name == TEST or name in events


def in_group(group: str) -> list[EventType]:
    """Return the types of a row of the page."""
    return [event_type for event_type in EVENT_TYPES if event_type.group == group]
