"""The form of a new API key: reading it, and showing it again with its errors."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

from django.http import QueryDict
from django.utils import timezone

from accounts.access.api_keys import MAX_CONCURRENT
from accounts.common.environments import Environment
from accounts.common.texts import UNSTORABLE
from accounts.errors import FieldError
from accounts.policy import Scope

NUMBER = re.compile(r"[0-9]{1,9}\Z", re.ASCII)
NO_NUMBER = 0
"""The value for a limit that is not a number; the service refuses it."""
IN_DAYS = {"30": "In 30 days", "90": "In 90 days", "180": "In 180 days", "365": "In one year"}
ON_DATE, NEVER = "date", "never"
ENDS = {**IN_DAYS, ON_DATE: "On a day of your choice", NEVER: "Never"}
ALL, SOME = "all", "some"
FIELDS = (
    "name",
    "scopes",
    "environments",
    "secrets",
    "integrations",
    "expires",
    "expires_on",
    "max_concurrent",
    "max_per_minute",
)
TEXTS = ("name", "secrets", "expires", "expires_on", "max_concurrent", "max_per_minute")

SCOPES = {
    Scope.RUN: ("Make calls through integrations", "Run and test them, and see the responses."),
    Scope.SECRETS_WRITE: ("Manage secrets", "Create, replace, disable and delete them. No key ever reads a value."),
    Scope.SECRETS_READ: ("List secrets", "Names, descriptions and status, never a value."),
    Scope.INTEGRATIONS_WRITE: ("Manage integrations", "Create, change and delete them."),
    Scope.RULES_WRITE: ("Manage rules", "Set what agents may do, may not, or have to ask for."),
    Scope.SECRETS_USE: (
        "Send secrets somewhere new",
        "Let integrations use a secret at a host for the first time. Without it, changes that would do so are refused.",
    ),
    Scope.INTEGRATIONS_READ: ("List integrations", "What each one is and which secrets it names."),
    Scope.ALERTS_WRITE: ("Manage alerts and webhooks", "Choose where events go, and send them again."),
    Scope.ALERTS_READ: ("List alerts and webhooks", "Where events go, and what was delivered."),
    Scope.AGENTS_STOP: ("Stop all agents", "In an emergency. Only a person starts them again."),
    Scope.AUDIT_READ: ("Read runs and the audit log", "Which calls were made, when, and with which outcome."),
}

T = TypeVar("T")


@dataclass(slots=True)
class SubmittedApiKey:
    """A submitted form.

    Attributes:
        wanted: the arguments for the service.
        values: the fields to show again.
        errors: problems that the service cannot see.
    """

    wanted: dict[str, Any]
    values: dict[str, Any]
    errors: list[FieldError] = field(default_factory=list)


def blank() -> dict[str, Any]:
    """Return the fields of an empty form, with the least access that can make calls."""
    return {
        "form": str(uuid4()),
        "name": "",
        "scopes": [Scope.RUN.value],
        "environments": [Environment.PRODUCTION.value],
        "secrets": "",
        "reach": ALL,
        "integrations": [],
        "expires": "90",
        "expires_on": "",
        "max_concurrent": str(MAX_CONCURRENT),
        "max_per_minute": "",
    }


def read(post: QueryDict) -> SubmittedApiKey:
    """Read a submitted form. Its rules are checked by the service."""
    errors: list[FieldError] = []
    integrations = chosen(post)
    if len(integrations) < len(set(post.getlist("integrations"))):
        errors.append(FieldError("integrations", "Choose integrations from the list."))
    reach = post.get("reach", "")
    if reach not in {ALL, SOME}:
        errors.append(FieldError("integrations", "Choose whether the key may use all integrations or only some."))
    values: dict[str, Any] = {
        **{name: post.get(name, "") for name in TEXTS},
        **{name: post.getlist(name) for name in ("scopes", "environments")},
        "form": str(uuid4()),
        "reach": reach,
        "integrations": integrations,
    }
    wanted = {
        "form": _as_id(post.get("form", "")),
        "name": values["name"],
        "scopes": _members(Scope, "scopes", post, errors),
        "environments": _members(Environment, "environments", post, errors),
        "integrations": integrations if reach == SOME else None,
        "secret_names": UNSTORABLE.sub("", values["secrets"]).split(),
        "expires_at": _end(post, errors),
        "max_concurrent": _number(values["max_concurrent"]),
        "max_per_minute": _number(values["max_per_minute"]) if values["max_per_minute"].strip() else None,
    }
    return SubmittedApiKey(wanted, values, errors)


def chosen(post: QueryDict) -> list[UUID]:
    """Return the selected integrations; texts that are not ids are left out."""
    found = (_as_id(text) for text in dict.fromkeys(post.getlist("integrations")))
    return [item for item in found if item is not None]


def form_errors(errors: Iterable[FieldError], values: dict[str, Any]) -> list[FieldError]:
    """Rename the service's fields to the form's, in the order of the form."""
    end = "expires_on" if values["expires"] == ON_DATE else "expires"
    renamed = [FieldError(end, error.message) if error.field == "expires_at" else error for error in errors]
    return sorted(renamed, key=lambda error: FIELDS.index(error.field) if error.field in FIELDS else -1)


def _members(kind: Callable[[str], T], name: str, post: QueryDict, errors: list[FieldError]) -> list[T]:
    try:
        return [kind(text) for text in post.getlist(name)]
    except ValueError:
        errors.append(FieldError(name, "Choose from the list."))
        return []


def _end(post: QueryDict, errors: list[FieldError]) -> datetime | None:
    """Return when the key expires: a number of days from now, or at the end of the selected day (UTC)."""
    choice, day = post.get("expires", ""), post.get("expires_on", "").strip()
    if choice in IN_DAYS:
        return timezone.now() + timedelta(days=int(choice))
    if choice == ON_DATE:
        try:
            return datetime.combine(date.fromisoformat(day), time(23, 59, 59), UTC)
        except ValueError:
            errors.append(FieldError("expires_at", "Enter the day on which it expires, as year-month-day."))
    elif choice != NEVER:
        errors.append(FieldError("expires_at", "Choose when the key expires."))
    return None


def _number(text: str) -> int:
    return int(text) if NUMBER.match(text.strip()) else NO_NUMBER


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
