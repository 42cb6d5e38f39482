"""What an edit changes of a secret, by its rules. Locking, storing and the audit trail are `secrets`' business."""

from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from accounts.errors import FieldError
from secrets_app.editing.values import NewValues, environments_with_value
from secrets_app.errors import ValueRequired
from secrets_app.models import Secret
from secrets_app.validation.fields import Problems

NOT_SAVED = "The secret was not saved."


@dataclass(frozen=True, slots=True)
class SecretChanges:
    """What an edit changes; None leaves a field as it is, but in `values` it removes that environment's value."""

    name: str | None = None
    description: str | None = None
    enabled: bool | None = None
    allowed_domains: list[str] | None = None
    rotate_every_days: int | None = None
    stop_rotation: bool = False
    values: NewValues = field(default_factory=dict)
    entered_once: bool = False
    allow_short: bool = False


def set_fields(secret: Secret, changes: SecretChanges) -> list[str]:
    """Put the new fields on the (unsaved) secret; the names of those that differ from before."""
    wanted: dict[str, object] = {
        name: getattr(changes, name)
        for name in ("name", "description", "enabled", "allowed_domains", "rotate_every_days")
        if getattr(changes, name) is not None
    }
    if changes.stop_rotation:
        wanted["rotate_every_days"] = None
    domains = _check(secret, changes)
    if changes.allowed_domains is not None:
        same = set(domains) == set(secret.allowed_domains)
        wanted["allowed_domains"] = secret.allowed_domains if same else domains
    changed = [name for name, value in wanted.items() if getattr(secret, name) != value]
    for name in changed:
        setattr(secret, name, wanted[name])
    return changed


def _check(secret: Secret, changes: SecretChanges) -> list[str]:
    """The new allowed domains in their stored form. Raises Invalid or ValueTooShort if a field breaks its rule."""
    problems = Problems()
    if changes.name not in {None, secret.name}:
        problems.check_name(changes.name or "", secret.organization, other_than=secret.pk)
    problems.check_description(changes.description or "")
    problems.check_rotation(changes.rotate_every_days)
    problems.check_values(changes.values, allow_short=changes.allow_short)
    domains = problems.clean_domains(changes.allowed_domains or [], operator_hosts=bool(settings.EGRESS_ALLOW))
    stays = secret.allowed_domains if changes.allowed_domains is None else changes.allowed_domains
    problems.check_production(secret.organization, changes.values, stays)
    problems.refuse(NOT_SAVED)
    return domains


def require_new_values(secret: Secret, values: NewValues) -> None:
    """Nobody points a stored value somewhere else: whoever changes the domains must know the values."""
    untouched = [environment for environment in environments_with_value(secret) if environment not in values]
    if untouched:
        raise ValueRequired(
            "Changing the allowed domains needs a new value for every environment that has one.",
            errors=[
                FieldError(
                    f"values.{environment.value}", f"Enter a new {environment.label} value. Allowed domains changed."
                )
                for environment in untouched
            ],
        )


def replaced(secret: Secret, changed: list[str], name_before: str, domains_before: list[str]) -> dict[str, Any]:
    """What the log tells of a rename and of a change of domains: both steer where values go."""
    told: dict[str, Any] = {"name_before": name_before} if "name" in changed else {}
    if "allowed_domains" in changed:
        told |= {"domains": secret.allowed_domains, "domains_before": domains_before}
    return told
