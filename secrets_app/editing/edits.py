"""The rules for editing a secret. Locking, storing and the audit trail are in `secrets_app.editing.secrets`."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.conf import settings

from accounts.common.environments import Environment
from accounts.errors import FieldError
from secrets_app.editing.values import NewValues, environments_with_value
from secrets_app.errors import ValueRequired
from secrets_app.models import Secret
from secrets_app.sealing.read_expiry import first_expiry
from secrets_app.validation.fields import Problems

NOT_SAVED = "The secret was not saved."
FIELDS = ("name", "description", "enabled", "allowed_domains", "is_identifier", "required_in")
"""The fields of a secret that cannot be null."""


@dataclass(frozen=True, slots=True)
class SecretChanges:
    """The changes of an edit. None leaves a field unchanged, except in `values`, where it removes the value.

    Attributes:
        required_in: where the secret has to have a value.
        stop_rotation, never_expires: remove the interval, or the day.
        expires_with_values: take the day from the new values (`secrets_app.sealing.read_expiry`).
    """

    name: str | None = None
    description: str | None = None
    enabled: bool | None = None
    allowed_domains: list[str] | None = None
    is_identifier: bool | None = None
    required_in: frozenset[Environment] | None = None
    rotate_every_days: int | None = None
    stop_rotation: bool = False
    expires_on: date | None = None
    never_expires: bool = False
    expires_with_values: bool = False
    values: NewValues = field(default_factory=dict)
    entered_once: bool = False
    allow_short: bool = False


def set_fields(secret: Secret, changes: SecretChanges) -> list[str]:
    """Check the changes and set the new fields on the secret without saving it.

    Returns:
        the names of the fields that differ from before.

    Raises:
        Invalid, ValueTooShort: a field breaks its rule.
    """
    domains = _check(secret, changes)
    new = _new_fields(changes)
    if changes.allowed_domains is not None:
        same = set(domains) == set(secret.allowed_domains)
        new["allowed_domains"] = secret.allowed_domains if same else domains
    changed = [name for name, value in new.items() if getattr(secret, name) != value]
    for name in changed:
        setattr(secret, name, new[name])
    return changed


def _new_fields(changes: SecretChanges) -> dict[str, Any]:
    """Return the fields that an edit sets. Only an interval and a day can be removed."""
    given = {name: getattr(changes, name) for name in (*FIELDS, "rotate_every_days", "expires_on")}
    new = {name: value for name, value in given.items() if value is not None}
    if changes.stop_rotation:
        new["rotate_every_days"] = None
    if changes.never_expires:
        new["expires_on"] = None
    if changes.expires_with_values:
        new["expires_on"] = first_expiry(changes.values.values())
    return new


def _check(secret: Secret, changes: SecretChanges) -> list[str]:
    """Check the changed fields, and return the new allowed domains in their stored form."""
    problems = Problems()
    if changes.name not in {None, secret.name}:
        problems.check_name(changes.name or "", secret.organization, other_than=secret.pk)
    problems.check_description(changes.description or "")
    problems.check_rotation(changes.rotate_every_days)
    problems.check_expiry(changes.expires_on, changes.values if changes.expires_with_values else None)
    problems.check_values(changes.values, allow_short=changes.allow_short)
    domains = problems.clean_domains(
        changes.allowed_domains or [], operator_hosts=bool(settings.EGRESS_ALLOW), stored=secret.allowed_domains
    )
    allowed = secret.allowed_domains if changes.allowed_domains is None else changes.allowed_domains
    problems.check_required_domains(secret.organization, changes.values, allowed)
    problems.refuse(NOT_SAVED)
    return domains


def opens_values(secret: Secret, changed: list[str]) -> str:
    """Return which change lets stored values go where they could not go before, in words; empty if none does."""
    if "allowed_domains" in changed:
        return "Changing the allowed domains"
    return "Marking a secret as an identifier" if "is_identifier" in changed and secret.is_identifier else ""


def require_new_values(secret: Secret, values: NewValues, change: str) -> None:
    """Require a new value for every environment that has one, because of a change of the secret.

    Otherwise a person could send a value that they do not know to a host of their choice, or read it in an answer.

    Raises:
        ValueRequired: with an error for each environment that lacks a new value.
    """
    untouched = [environment for environment in environments_with_value(secret) if environment not in values]
    if untouched:
        raise ValueRequired(
            f"{change} needs a new value for every environment that has one.",
            errors=[
                FieldError(f"values.{environment.value}", f"Enter a new {environment.label} value. {change} needs one.")
                for environment in untouched
            ],
        )


def audit_details(secret: Secret, changed: list[str], name_before: str, domains_before: list[str]) -> dict[str, Any]:
    """Return the audit data about a new name or new allowed domains, which both affect where values are sent."""
    details: dict[str, Any] = {"name_before": name_before} if "name" in changed else {}
    if "allowed_domains" in changed:
        details |= {"domains": secret.allowed_domains, "domains_before": domains_before}
    if "is_identifier" in changed:
        details["is_identifier"] = secret.is_identifier
    return details
