"""What of an organization waits for a person, as the overview lists it. Nothing is decrypted or called."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone

from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.common.when import ahead_in_words, in_words
from accounts.models import ApiKey, Organization
from integrations.models import Approval, ApprovalState, RemoteTool
from secrets_app.hygiene import findings
from secrets_app.models import RequestState, SecretRequest, SecretValue, ValueState

NAMED_AT_MOST = 3
COUNTED_AT_MOST = 99
SOON = timedelta(days=14)
"""How long before its end an API key is named."""
BAD, WARN, INFO = "bad", "warn", "acc"


@dataclass(frozen=True, slots=True)
class Waiting:
    """One kind of thing that waits, or the only one of its kind.

    Attributes:
        look: how bad it is: `bad`, `warn` or `acc`.
        page, of: the name and the arguments (after the organization) of the page where it is dealt with.
        query: of that page.
    """

    icon: str
    look: str
    number: int
    title: str
    text: str
    page: str
    of: tuple[Any, ...] = ()
    query: str = ""


def waiting_for(actor: Actor) -> list[Waiting]:
    """Return what waits for a person in the actor's organization, what stops calls first."""
    found = (look(actor.organization) for look in _LOOKS)
    return [one for one in found if one]


def _held(organization: Organization) -> Waiting | None:
    now = timezone.now()
    held = Approval.objects.filter(organization=organization, state=ApprovalState.WAITING.value, expires_at__gt=now)
    rows = list(held.order_by("expires_at").only("operation", "integration_name", "expires_at")[:COUNTED_AT_MOST])
    text = f"The first ends {ahead_in_words(rows[0].expires_at, now)}: {rows[0].name}" if rows else ""
    return _counted(rows, "hand", WARN, "{} call waits for a person", "{} calls wait for a person", text, "approvals")


def _missing(organization: Organization) -> Waiting | None:
    kinds = [findings.MISSING_NAMES, findings.BY_KEY["missing-values"]]
    return _of_findings(
        organization, kinds, "triangle-alert", BAD, "{} secret is missing", "{} secrets are missing", "secrets",
        "status=missing",
    )  # fmt: skip


def _all_stopped(organization: Organization) -> Waiting | None:
    if not organization.agents_stopped_at:
        return None
    text = f"By {organization.agents_stopped_by}: {organization.agents_stopped_why}"
    return Waiting("circle-pause", BAD, 1, "All agents are stopped", text, "api-keys")


def _stopped(organization: Organization) -> Waiting | None:
    keys = ApiKey.objects.filter(organization=organization, revoked_at=None).exclude(stopped_by="")
    names = _first(keys.order_by("name"), "name")
    return _counted(
        names, "circle-pause", BAD, "{} agent is stopped", "{} agents are stopped", ", ".join(names), "api-keys"
    )


def _suspended(organization: Organization) -> Waiting | None:
    keys = ApiKey.objects.filter(organization=organization, revoked_at=None, suspended_at__isnull=False, stopped_by="")
    names = _first(keys.order_by("name"), "name")
    return _counted(
        names, "bot", BAD, "{} API key is suspended", "{} API keys are suspended", ", ".join(names), "api-keys"
    )


def _staged(organization: Organization) -> Waiting | None:
    now = timezone.now()
    values = _values(organization, state=ValueState.STAGED.value).order_by("created_at")
    return _of_values(
        values, "split", "A staged value waits", "{} staged values wait",
        lambda value: f"{_place(value)}, staged {in_words(value.created_at, now)}",
    )  # fmt: skip


def _windows(organization: Organization) -> Waiting | None:
    now = timezone.now()
    values = _values(organization, state=ValueState.PREVIOUS.value, rollback_until__gt=now).order_by("rollback_until")
    return _of_values(
        values, "undo-2", "A roll-back window is open", "{} roll-back windows are open",
        lambda value: f"{_place(value)}, ends {ahead_in_words(value.rollback_until or now, now)}",
    )  # fmt: skip


def _overdue(organization: Organization) -> Waiting | None:
    return _of_findings(
        organization, [findings.BY_KEY["rotation-overdue"]], "calendar-clock", WARN, "{} rotation is overdue",
        "{} rotations are overdue", "hygiene",
    )  # fmt: skip


def _expiring(organization: Organization) -> Waiting | None:
    return _of_findings(
        organization, [findings.BY_KEY["expiring"]], "calendar-clock", WARN, "{} secret expires soon or has expired",
        "{} secrets expire soon or have expired", "hygiene",
    )  # fmt: skip


def _ending_keys(organization: Organization) -> Waiting | None:
    now = timezone.now()
    keys = ApiKey.objects.filter(organization=organization, parent=None, revoked_at=None)
    ending = list(keys.filter(expires_at__gt=now, expires_at__lte=now + SOON).order_by("expires_at")[:COUNTED_AT_MOST])
    texts = [f"{key.name}, {ahead_in_words(key.expires_at, now)}" for key in ending if key.expires_at]
    text = ", ".join(texts[:NAMED_AT_MOST])
    return _counted(texts, "calendar-clock", WARN, "{} API key expires", "{} API keys expire", text, "api-keys")


def _changed_tools(organization: Organization) -> Waiting | None:
    approved = RemoteTool.objects.filter(integration__organization=organization).exclude(approved_fingerprint="")
    changed = approved.exclude(shown_fingerprint="").exclude(shown_fingerprint=F("approved_fingerprint"))
    rows = list(changed.select_related("integration").order_by("integration__name", "name")[:COUNTED_AT_MOST])
    if not rows:
        return None
    text = f"{rows[0].integration.name} says something else of {', '.join(row.name for row in rows[:NAMED_AT_MOST])}"
    found = _counted(rows, "server", WARN, "{} tool changed", "{} tools changed", text, "integration-tools")
    return _of(found, rows[0].integration_id)


def _requests(organization: Organization) -> Waiting | None:
    asked = SecretRequest.objects.filter(organization=organization, state=RequestState.OPEN.value)
    rows = list(asked.order_by("created_at")[:COUNTED_AT_MOST])
    people = list(dict.fromkeys(row.asked_by for row in rows))
    text = ", ".join(people[:NAMED_AT_MOST])
    return _counted(
        people, "message-square", INFO, "{} person asks for a secret", "{} people ask for a secret", text,
        "secret-requests",
    )  # fmt: skip


_LOOKS = (
    _all_stopped, _held, _missing, _stopped, _suspended,
    _staged, _windows, _overdue, _expiring, _ending_keys, _changed_tools, _requests,
)  # fmt: skip


def _of_findings(
    organization: Organization, kinds: Iterable[findings.Finding], icon: str, look: str, one: str, many: str,
    page: str, query: str = "",
) -> Waiting | None:  # fmt: skip
    """Return what waits of these findings: their number, and the first names."""
    pages = [(kind, findings.page(organization, kind, limit=NAMED_AT_MOST).items) for kind in kinds]
    number = sum(
        findings.count(organization, kind) if len(rows) == NAMED_AT_MOST else len(rows) for kind, rows in pages
    )
    names = [row.name for _, rows in pages for row in rows][:NAMED_AT_MOST]
    if not number:
        return None
    title = (one if number == 1 else many).format(_at_most(number))
    return Waiting(icon, look, number, title, ", ".join(names), page, query=query)


def _counted(rows: list[Any], icon: str, look: str, one: str, many: str, text: str, page: str) -> Waiting | None:
    if not rows:
        return None
    number = len(rows)
    return Waiting(icon, look, number, (one if number == 1 else many).format(_at_most(number)), text, page)


def _at_most(number: int) -> str:
    return f"{COUNTED_AT_MOST}+" if number >= COUNTED_AT_MOST else str(number)


def _of(found: Waiting | None, *of: Any) -> Waiting | None:
    return found and Waiting(found.icon, found.look, found.number, found.title, found.text, found.page, of)


def _first(rows: Any, column: str) -> list[str]:
    return list(rows.values_list(column, flat=True)[:NAMED_AT_MOST])


def _values(organization: Organization, **wanted: Any) -> Any:
    values = SecretValue.objects.filter(secret__organization=organization, **wanted).select_related("secret")
    return values.only("environment", "created_at", "rollback_until", "secret__name")


def _of_values(values: Any, icon: str, one: str, many: str, words: Callable[[SecretValue], str]) -> Waiting | None:
    """Return what waits of values that are being rotated. Its page is that of the first secret."""
    rows = list(values[:COUNTED_AT_MOST])
    if not rows:
        return None
    found = _counted(rows, icon, INFO, one, many, words(rows[0]), "secret-where-used")
    return _of(found, rows[0].secret_id)


def _place(value: SecretValue) -> str:
    return f"{value.secret.name}, {Environment(value.environment).label}"
