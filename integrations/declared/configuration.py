"""The configuration of an organization as one file: exporting it, planning and applying one (docs/configuration.md)."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts.actors import Actor
from accounts.audit import trail
from accounts.common.environments import Environment, in_order
from accounts.people.locks import lock_organization
from accounts.policy import Permission
from integrations.declared.config_forms import short_form
from integrations.declared.differences import PlannedChange, Stored, differences, fingerprint
from integrations.declared.document import SECTIONS, ConfigurationFile, read_file
from integrations.declared.order import carry_out_all
from integrations.declared.stored import readable_in, stored_members
from integrations.errors import PlanStale

READING = {
    "secrets": Permission.SECRETS_READ,
    "integrations": Permission.INTEGRATIONS_READ,
    "webhooks": Permission.ALERTS_READ,
}
WRITING = {
    "secrets": Permission.SECRETS_WRITE,
    "integrations": Permission.INTEGRATIONS_WRITE,
    "webhooks": Permission.ALERTS_WRITE,
}

STALE = "Something else would be done than was planned: what is stored, or the file, has changed. Make the plan again."


@dataclass(frozen=True, slots=True)
class Plan:
    """What an apply of a file would do, or did.

    Attributes:
        fingerprint: tells this plan from any other.
        missing: the secrets of the file that lack a value where they have to have one, and where.
    """

    fingerprint: str
    changes: list[PlannedChange]
    missing: dict[str, list[Environment]]


def export(actor: Actor) -> dict[str, Any]:
    """Return the configuration that the actor may see, with everything in a fixed order and without defaults.

    Raises:
        PermissionDenied: the actor may see none of it.
    """
    sections = [section for section in SECTIONS if _may_see(actor, section)]
    if not sections:
        actor.check(Permission.SECRETS_READ)
    return {"version": 1, **{section: _exported(actor, section) for section in sections}}


def make_plan(actor: Actor, written: bytes, *, prune: bool, accept_raw_credentials: bool = False) -> Plan:
    """Return what an apply of a file would do. Nothing is changed.

    Where the actor may write all that the file has, the changes are tried and undone, so that what would refuse the
    apply refuses the plan.

    Args:
        written: the file, in YAML or JSON.
        prune: whether members that the file lacks are deleted.

    Raises:
        DocumentUnreadable, Invalid: the file breaks a rule; each fault has its line.
        PermissionDenied: the actor may not see a section of the file, or not do what it asks for.
        RawCredential, ValueRequired, SecretInUse, IntegrationInUse: as `apply`.
    """
    file = read_file(written)
    for section in file.content.sections:
        actor.check(READING[section])
    with transaction.atomic():
        changes = _changes(actor, file, prune=prune, accept_raw_credentials=accept_raw_credentials)
        if all(actor.may(WRITING[section]) for section in file.content.sections):
            carry_out_all(actor, file, changes, accept_raw_credentials=accept_raw_credentials)
        transaction.set_rollback(True)
    return Plan(fingerprint(changes, prune=prune), changes, _missing(actor, file))


def apply(
    actor: Actor, written: bytes, *, prune: bool, plan: str | None = None, accept_raw_credentials: bool = False
) -> Plan:
    """Bring the organization to the state that a file declares, in one transaction or not at all.

    Args:
        plan: the fingerprint of a plan; None to apply whatever it takes.

    Raises:
        PlanStale: the apply would do something else than the plan.
        DocumentUnreadable, Invalid: the file breaks a rule; each fault has its line.
        PermissionDenied: the actor may not write a section of the file, or not do what it asks for.
        RawCredential, ValueRequired, SecretInUse, IntegrationInUse: as the services; each fault has its line.
    """
    file = read_file(written)
    for section in file.content.sections:
        actor.check(WRITING[section])
    with transaction.atomic():
        changes = _changes(actor, file, prune=prune, accept_raw_credentials=accept_raw_credentials)
        found = fingerprint(changes, prune=prune)
        if plan not in {None, found}:
            raise PlanStale(STALE)
        carry_out_all(actor, file, changes, accept_raw_credentials=accept_raw_credentials)
        if changes:
            counts = dict(Counter(change.action for change in changes))
            configured = trail.Event.ORGANIZATION_CONFIGURED
            trail.record(configured, actor=actor, target=actor.organization, changes=counts)
    return Plan(found, changes, _missing(actor, file))


def _changes(
    actor: Actor, file: ConfigurationFile, *, prune: bool, accept_raw_credentials: bool
) -> list[PlannedChange]:
    """Wait for other changes of the organization, and return what the file changes."""
    lock_organization(actor.organization)
    stored: Stored = {section: stored_members(actor, section) for section in file.content.sections}
    return differences(file, stored, prune=prune, accept_raw_credentials=accept_raw_credentials)


def _may_see(actor: Actor, section: str) -> bool:
    return actor.may(READING[section]) and not (section == "webhooks" and actor.is_bounded)


def _exported(actor: Actor, section: str) -> dict[str, Any]:
    found = {}
    for name, member in stored_members(actor, section).items():
        if not member.is_listed:
            continue
        found[name] = member.declared.model_dump(exclude_defaults=True)
        if section == "integrations":
            found[name]["config"] = short_form(member.declared.kind, member.declared.config)
        elif section == "secrets" and (required := {*member.declared.required_in, *member.valued}):
            found[name]["required_in"] = in_order(required)
    return found


def _missing(actor: Actor, file: ConfigurationFile) -> dict[str, list[Environment]]:
    readable = readable_in(actor)
    lacking = {
        name: [environment for environment in declared.required_in if environment not in readable[name]]
        for name, declared in sorted(file.content.section("secrets").items())
    }
    return {name: environments for name, environments in lacking.items() if environments}
