"""The filters of the list of runs: read from the address, and what they offer."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts.access.requests import CofferRequest
from accounts.actors import Actor
from accounts.api.authentication import searchable
from accounts.common.environments import Environment
from accounts.errors import FieldError, Invalid
from accounts.models import ApiKey, Membership
from integrations.models import Integration, Run, RunOutcome
from integrations.runs.reading import CLASSES, RunFilters
from integrations.runs.way_out import WAYS
from secrets_app.models import Secret

FILTERS = (
    "q", "integration", "secret", "environment", "caller", "outcome", "code", "status", "period", "since", "until",
)  # fmt: skip
OFFERED_AT_MOST = 200
"""Integrations, secrets, people and keys in each choice. Links on other pages filter by everything else."""
OUTCOMES = [
    ("", "All"),
    (RunOutcome.SUCCEEDED.value, "Succeeded"),
    (RunOutcome.UPSTREAM_ERROR.value, "Upstream error"),
    (RunOutcome.REFUSED.value, "Refused"),
    (RunOutcome.FAILED.value, "Failed"),
    (RunOutcome.STARTED.value, "Started"),
]
PERIODS = {
    "hour": ("Last hour", timedelta(hours=1)),
    "day": ("Last 24 hours", timedelta(days=1)),
    "week": ("Last 7 days", timedelta(days=7)),
    "month": ("Last 30 days", timedelta(days=30)),
}
STATUSES = ["2xx", "3xx", "4xx", "5xx", "400", "401", "403", "404", "409", "422", "429", "500", "502", "503", "504"]
FIRST_STATUS, LAST_STATUS = 100, 599
_CHOOSE = "Choose one from the list."


def chosen_filters(request: CofferRequest, fixed: dict[str, str]) -> dict[str, str]:
    """Return the texts of the filters in the address; what is fixed stands for itself."""
    return {name: searchable(request.GET.get(name, "")).strip() for name in FILTERS} | fixed


def read_filters(chosen: dict[str, str]) -> RunFilters:
    """Return the filters that the texts mean.

    Raises:
        Invalid: a text is no id, no time, or none of the choices.
    """
    since, until = _moment(chosen, "since"), _moment(chosen, "until")
    if chosen["period"]:
        if chosen["period"] not in PERIODS:
            raise _unknown("period", _CHOOSE)
        began = timezone.now() - PERIODS[chosen["period"]][1]
        since = max(since, began) if since else began
    return RunFilters(
        text=chosen["q"],
        integration=_id(chosen, "integration"),
        secret=_id(chosen, "secret"),
        environment=_one_of(Environment, chosen, "environment"),
        caller=_id(chosen, "caller"),
        outcome=_one_of(RunOutcome, chosen, "outcome"),
        code=chosen["code"],
        status=_status(chosen["status"]),
        since=since,
        until=until,
    )


def _id(chosen: dict[str, str], name: str) -> UUID | None:
    try:
        return UUID(chosen[name]) if chosen[name] else None
    except ValueError:
        raise _unknown(name, _CHOOSE) from None


def _one_of(known: Any, chosen: dict[str, str], name: str) -> Any:
    try:
        return known(chosen[name]) if chosen[name] else None
    except ValueError:
        raise _unknown(name, _CHOOSE) from None


def _status(text: str) -> str:
    is_number = text.isascii() and text.isdigit() and FIRST_STATUS <= int(text) <= LAST_STATUS
    if text and text not in CLASSES and not is_number:
        raise _unknown("status", "Write a status such as 401, or a class such as 5xx.")
    return text


def _moment(chosen: dict[str, str], name: str) -> datetime | None:
    """Return a time, which the page writes without an offset and in UTC."""
    if not chosen[name]:
        return None
    try:
        return datetime.fromisoformat(chosen[name]).replace(tzinfo=UTC)
    except ValueError:
        raise _unknown(name, "Write a time like 2026-11-20T14:03.") from None


def _unknown(name: str, sentence: str) -> Invalid:
    return Invalid("These filters cannot be read.", errors=[FieldError(name, sentence)])


def choices(actor: Actor, chosen: dict[str, str], fixed: dict[str, str]) -> dict[str, Any]:
    """Return what the filters offer. What is chosen and not offered is added by its name."""
    offered: dict[str, Any] = {
        "outcomes": OUTCOMES,
        "environments": [(known.value, known.label) for known in Environment],
        "codes": _with_chosen([(code, code) for code in sorted(WAYS)], chosen["code"]),
        "statuses": _with_chosen([(status, status) for status in STATUSES], chosen["status"]),
        "periods": [(name, label) for name, (label, _) in PERIODS.items()],
    }
    if "integration" not in fixed:
        found = Integration.objects.visible_to(actor).order_by("name")
        offered["integrations"] = _named(actor, found, chosen, "integration", "integration_id", "integration_name")
    if "secret" not in fixed:
        secrets = list(
            Secret.objects.of(actor.organization).order_by("name").values_list("pk", "name")[:OFFERED_AT_MOST]
        )
        offered["secrets"] = _with_chosen([(str(pk), name) for pk, name in secrets], chosen["secret"])
    if "caller" not in fixed:
        offered |= _callers(actor, chosen)
    return offered


def _named(
    actor: Actor, found: Any, chosen: dict[str, str], name: str, column: str, label: str
) -> list[tuple[str, str]]:
    offered = [(str(pk), text) for pk, text in found.values_list("pk", "name")[:OFFERED_AT_MOST]]
    known = {value for value, _ in offered}
    if not chosen[name] or chosen[name] in known:
        return offered
    return [(chosen[name], _label(actor, column, chosen[name], label)), *offered]


def _label(actor: Actor, column: str, value: str, label: str) -> str:
    """Return the name that the newest run has for an id."""
    try:
        runs = Run.objects.visible_to(actor).filter(**{column: UUID(value)}).order_by("-started_at")
    except ValueError:
        return value
    return next(iter(runs.values_list(label, flat=True)[:1]), value)


def _callers(actor: Actor, chosen: dict[str, str]) -> dict[str, Any]:
    members = Membership.objects.filter(organization=actor.organization).select_related("user").order_by("user__name")
    keys = ApiKey.objects.filter(organization=actor.organization, parent=None).order_by("name", "prefix")
    people = [(str(member.user_id), str(member.user)) for member in members[:OFFERED_AT_MOST]]
    programs = [(str(key_id), name) for key_id, name in keys.values_list("id", "name")[:OFFERED_AT_MOST]]
    offered = {"", *(value for value, _ in people + programs)}
    somebody = "" if chosen["caller"] in offered else _label(actor, "principal_id", chosen["caller"], "caller")
    return {"people": people, "programs": programs, "somebody_else": somebody}


def _with_chosen(offered: list[tuple[str, str]], chosen: str) -> list[tuple[str, str]]:
    if not chosen or chosen in {value for value, _ in offered}:
        return offered
    return [(chosen, chosen), *offered]
