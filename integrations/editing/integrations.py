"""The life of an integration: create, edit, delete. References are derived in the same transaction."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, count
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.actors import Actor
from accounts.audit import trail
from accounts.common.constraints import violates
from accounts.common.environments import Environment, in_order
from accounts.errors import EditConflict, FieldError, Invalid, NotFound, PermissionDenied
from accounts.people.locks import lock_organization
from accounts.policy import Permission
from integrations.editing.rules import (
    NAME_LENGTH,
    NOT_SAVED,
    Cleaned,
    check_description,
    check_name,
    clean_config,
    dependants_of,
)
from integrations.egress.destinations import parse_url
from integrations.errors import IntegrationInUse
from integrations.inheritance import parsed
from integrations.kinds import KINDS
from integrations.models import Integration
from integrations.paste_guard import guard
from integrations.references import derive

NO_SUCH = "No such integration."
STEERING = {"config", "environments", "enabled"}
"""Who changes these decides where the values of the integration's environments go: a key's environments bound it."""


@dataclass(frozen=True, slots=True)
class IntegrationChanges:
    """What an edit changes; None leaves a field as it is."""

    name: str | None = None
    description: str | None = None
    enabled: bool | None = None
    environments: Iterable[Environment] | None = None
    config: dict[str, Any] | None = None
    accept_raw_credentials: bool = False


def create_integration(
    *,
    actor: Actor,
    kind: str,
    name: str,
    config: dict[str, Any],
    description: str = "",
    enabled: bool = True,
    environments: Iterable[Environment] = (),
    accept_raw_credentials: bool = False,
) -> Integration:
    """Store a new integration. It runs in no environment until one is chosen.

    Args:
        accept_raw_credentials: keep texts that look like a credential; that is audited.

    Raises:
        PermissionDenied: no right to write integrations, or not in these environments, or a key limited to some.
        Invalid: a field breaks its rule; nothing is stored.
        RawCredential: a text looks like a credential, and nobody accepted that.
    """
    actor.check(Permission.INTEGRATIONS_WRITE)
    actor.check_environments(*environments)
    if actor.integrations is not None:
        raise PermissionDenied("This API key is limited to certain integrations and cannot create one.")
    errors = [*check_name(name, actor.organization), *check_description(description)]
    integration = Integration(
        organization=actor.organization,
        kind=kind,
        name=name,
        description=description,
        enabled=enabled,
        environments=frozenset(environments),
    )
    try:
        with transaction.atomic():
            lock_organization(actor.organization)
            cleaned = clean_config(actor, kind, config, errors)
            _take(integration, cleaned)
            raw = guard.raw_credentials(integration, known=[], accepted=accept_raw_credentials)
            integration.save(force_insert=True)
            rows = derive.derive(integration, cleaned.parsed)
            trail.record(
                trail.Event.INTEGRATION_CREATED,
                actor=actor,
                target=integration,
                kind=kind,
                secrets=sorted({row.name for row in rows}),
                hosts=_hosts(kind, cleaned.parsed),
                **guard.kept(raw),
            )
    except IntegrityError as error:
        raise _refusal(error) from None
    return integration


def duplicate_integration(*, actor: Actor, integration_id: UUID) -> Integration:
    """Store a copy under a name of its own, switched off, so that nothing more runs until somebody looked at it.

    Raises:
        NotFound, PermissionDenied: as everywhere; also for a key that is limited to certain integrations.
        Invalid: what is stored could not be saved today, say because a secret that it names is disabled.
    """
    actor.check(Permission.INTEGRATIONS_WRITE)
    if actor.integrations is not None:
        raise PermissionDenied("This API key is limited to certain integrations and cannot create one.")
    with transaction.atomic():
        lock_organization(actor.organization)
        source = _lock(actor, integration_id, None)
        actor.check_environments(*in_order(source.environments))
        copy = Integration(
            organization=actor.organization,
            kind=source.kind,
            name=_name_of_copy(source),
            description=source.description,
            enabled=False,
            environments=source.environments,
        )
        cleaned = clean_config(actor, source.kind, source.config, [])
        _take(copy, cleaned)
        copy.save(force_insert=True)
        rows = derive.derive(copy, cleaned.parsed)
        trail.record(
            trail.Event.INTEGRATION_DUPLICATED,
            actor=actor,
            target=copy,
            kind=copy.kind,
            source=str(source.id),
            secrets=sorted({row.name for row in rows}),
            hosts=_hosts(copy.kind, cleaned.parsed),
            **guard.kept(guard.find(copy)),
        )
    return copy


def update_integration(
    *, actor: Actor, integration_id: UUID, changes: IntegrationChanges, expected_version: int | None = None
) -> Integration:
    """Apply an edit, all or nothing. An edit that changes nothing writes nothing.

    Raises:
        NotFound, PermissionDenied: as everywhere.
        EditConflict: somebody saved since `expected_version`.
        Invalid: a field breaks its rule.
        RawCredential: a changed text looks like a credential, and nobody accepted that.
    """
    actor.check(Permission.INTEGRATIONS_WRITE)
    try:
        with transaction.atomic():
            lock_organization(actor.organization)
            integration = _lock(actor, integration_id, expected_version)
            before, config_before, known = integration.environments, parsed(integration), guard.find(integration)
            changed, config = _set_fields(actor, integration, changes)
            if not changed:
                return integration
            if STEERING & set(changed):
                actor.check_environments(*in_order(before | integration.environments))
            raw = guard.raw_credentials(integration, known=known, accepted=changes.accept_raw_credentials)
            integration.version += 1
            integration.save(update_fields=[*changed, "auth_connector", "connection", "version", "updated_at"])
            rows = derive.derive(integration, config)
            trail.record(
                trail.Event.INTEGRATION_CHANGED,
                actor=actor,
                target=integration,
                fields=changed,
                secrets=sorted({row.name for row in rows}),
                hosts=_hosts(integration.kind, config),
                hosts_before=_hosts(integration.kind, config_before),
                **guard.kept(raw),
            )
    except IntegrityError as error:
        raise _refusal(error) from None
    return integration


def delete_integration(*, actor: Actor, integration_id: UUID) -> None:
    """Delete an integration and its references. Its runs stay on record.

    Raises:
        NotFound, PermissionDenied: as everywhere.
        IntegrationInUse: others inherit from it (`dependants`).
    """
    actor.check(Permission.INTEGRATIONS_WRITE)
    with transaction.atomic():
        lock_organization(actor.organization)
        integration = _lock(actor, integration_id, None)
        _refuse_if_used(integration)
        trail.record(trail.Event.INTEGRATION_DELETED, actor=actor, target=integration, kind=integration.kind)
        integration.delete()


def _name_of_copy(source: Integration) -> str:
    """`NAME (copy)`, `NAME (copy 2)` and so on: the first that is free; the name is cut where it gets too long."""
    endings = chain([" (copy)"], (f" (copy {number})" for number in count(2)))
    names = (source.name[: NAME_LENGTH - len(ending)].rstrip() + ending for ending in endings)
    return next(name for name in names if not check_name(name, source.organization))


def _lock(actor: Actor, integration_id: UUID, expected_version: int | None) -> Integration:
    integration = (
        Integration.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=integration_id).first()
    )
    if integration is None:
        raise NotFound(NO_SUCH)
    integration.organization = actor.organization
    if expected_version is not None and integration.version != expected_version:
        raise EditConflict(
            "Somebody else changed this integration since you opened it. Load it again and repeat your change."
        )
    return integration


def _set_fields(actor: Actor, integration: Integration, changes: IntegrationChanges) -> tuple[list[str], Any]:
    """Put the new fields on the (unsaved) integration.

    Returns:
        the names of the fields that differ from before, and the configuration as its kind parsed it.
    """
    wanted = {name: getattr(changes, name) for name in ("name", "description", "enabled")}
    wanted["environments"] = None if changes.environments is None else frozenset(changes.environments)
    errors = check_description(changes.description or "")
    if changes.name is not None:
        errors = [*check_name(changes.name, actor.organization, other_than=integration.pk), *errors]
    cleaned = None
    if changes.config is not None:
        cleaned = clean_config(actor, integration.kind, changes.config, errors, editing=integration)
        wanted["config"] = cleaned.config
    elif errors:
        raise Invalid(NOT_SAVED, errors=errors)
    config = cleaned.parsed if cleaned else parsed(integration)
    changed = [name for name, value in wanted.items() if value is not None and getattr(integration, name) != value]
    for name in changed:
        setattr(integration, name, wanted[name])
    if cleaned:
        _take(integration, cleaned)
    return changed, config


def _take(integration: Integration, cleaned: Cleaned) -> None:
    integration.config = cleaned.config
    integration.auth_connector, integration.connection = cleaned.connector, cleaned.connection


def _hosts(kind: str, config: Any) -> list[str]:
    """The hosts that a parsed configuration sends to, for the audit log."""
    destinations = KINDS[kind].destinations(config)
    return [parse_url(destination.url, destination.schemes).raw_host or "" for destination in destinations]


def _refuse_if_used(integration: Integration) -> None:
    users = dependants_of(integration)
    if users:
        raise IntegrationInUse(
            f"{integration.name} is used by {len(users)} other integration{'s' if len(users) > 1 else ''}. "
            "Change them first.",
            dependants=users,
        )


def _refusal(error: IntegrityError) -> Exception:
    """The name was taken at this very moment; anything else that a constraint refuses is a fault of ours."""
    if not violates(error, "integration_name_once_per_organization"):
        return error
    return Invalid(NOT_SAVED, errors=[FieldError("name", "Somebody has just taken this name. Choose another one.")])
