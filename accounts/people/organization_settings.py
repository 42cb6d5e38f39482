"""The settings of an organization: its name, and rules for everybody in it. Only owners change them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from django.db import transaction

from accounts.access.second_factors import has_second_factor
from accounts.actors import Actor, ActorKind
from accounts.audit import trail
from accounts.common.bounds import (
    LONGEST_APPROVAL_DAYS,
    LONGEST_ROLLBACK_HOURS,
    LONGEST_RUN_DAYS,
    SHORTEST_RUN_DAYS,
)
from accounts.errors import EditConflict, FieldError, Invalid
from accounts.models import Organization
from accounts.people.organizations import clean_name, locked
from accounts.policy import Permission

NOT_SAVED = "The settings were not saved."


@dataclass(frozen=True, slots=True)
class OrganizationSettings:
    """Everything that owners can set. A number of None means the installation's default."""

    name: str
    require_mfa: bool
    production_needs_domains: bool
    every_value_needs_domains: bool
    rollback_hours: int | None
    run_days: int | None
    asks_unless_read_only: bool
    approval_days: int | None


def settings_of(organization: Organization) -> OrganizationSettings:
    """Return the current settings of an organization."""
    return OrganizationSettings(
        **{field.name: getattr(organization, field.name) for field in fields(OrganizationSettings)}
    )


def change_settings(*, actor: Actor, wanted: OrganizationSettings, expected_version: int | None = None) -> Organization:
    """Apply settings, all or none. Unchanged settings are not recorded. The slug never changes.

    Args:
        expected_version: the version that the person saw; None to skip the check.

    Raises:
        PermissionDenied: the actor is not an owner.
        EditConflict: somebody else saved since.
        Invalid: the name is not acceptable, a number is out of range, or the actor requires a second factor of
            everybody without having one.
    """
    actor.check(Permission.ORGANIZATION_MANAGE)
    with transaction.atomic():
        actor = locked(actor)
        actor.check(Permission.ORGANIZATION_MANAGE)
        organization = Organization.objects.get(pk=actor.organization.pk)
        if expected_version is not None and organization.version != expected_version:
            raise EditConflict("Another owner changed the settings since you opened them. Reload the page.")
        before = settings_of(organization)
        after = _checked(actor, wanted, before)
        changed = _changed(before, after)
        if changed:
            _save(actor, organization, before, after, changed)
    return organization


def answer_about_domains(*, actor: Actor, every_value: bool) -> Organization:
    """Record an owner's answer to whether every value needs allowed domains. New organizations are asked once.

    An answer to a question that was answered before changes nothing: the settings page does.

    Raises:
        PermissionDenied: the actor is not an owner.
    """
    actor.check(Permission.ORGANIZATION_MANAGE)
    with transaction.atomic():
        actor = locked(actor)
        actor.check(Permission.ORGANIZATION_MANAGE)
        organization = Organization.objects.get(pk=actor.organization.pk)
        if organization.asked_about_domains:
            return organization
        organization.asked_about_domains = True
        before = settings_of(organization)
        after = _checked(actor, replace(before, every_value_needs_domains=every_value), before)
        _save(actor, organization, before, after, _changed(before, after), also=["asked_about_domains"])
    return organization


def _changed(before: OrganizationSettings, after: OrganizationSettings) -> list[str]:
    return [
        field.name
        for field in fields(OrganizationSettings)
        if getattr(before, field.name) != getattr(after, field.name)
    ]


def _checked(actor: Actor, wanted: OrganizationSettings, before: OrganizationSettings) -> OrganizationSettings:
    errors = [
        FieldError(name, f"Enter a number of {unit} from {lowest} to {highest}, or leave it empty.")
        for name, unit, lowest, highest in (
            ("rollback_hours", "hours", 1, LONGEST_ROLLBACK_HOURS),
            ("run_days", "days", SHORTEST_RUN_DAYS, LONGEST_RUN_DAYS),
            ("approval_days", "days", 1, LONGEST_APPROVAL_DAYS),
        )
        if (number := getattr(wanted, name)) is not None and not lowest <= number <= highest
    ]
    if wanted.require_mfa and not before.require_mfa and _would_lock_out(actor):
        errors.append(
            FieldError("require_mfa", "Set up a second factor for yourself first: the rule applies to you, too.")
        )
    name = wanted.name
    try:
        name = clean_name(wanted.name, detail=NOT_SAVED)
    except Invalid as refusal:
        errors[:0] = refusal.errors
    if errors:
        raise Invalid(NOT_SAVED, errors=errors)
    production = wanted.production_needs_domains or wanted.every_value_needs_domains
    return replace(wanted, name=name, production_needs_domains=production)


def _would_lock_out(actor: Actor) -> bool:
    return actor.kind is ActorKind.USER and actor.id is not None and not has_second_factor(actor.id)


def _save(
    actor: Actor,
    organization: Organization,
    before: OrganizationSettings,
    after: OrganizationSettings,
    changed: list[str],
    also: Sequence[str] = (),
) -> None:
    """Save and record the changed settings, and fields that the caller has set."""
    for name in changed:
        setattr(organization, name, getattr(after, name))
    organization.version += 1
    organization.save(update_fields=[*changed, *also, "version"])
    trail.record(
        trail.Event.ORGANIZATION_CHANGED,
        actor=actor,
        target=organization,
        fields=[*changed, *also],
        before={name: getattr(before, name) for name in changed},
        after={name: getattr(after, name) for name in changed},
    )
