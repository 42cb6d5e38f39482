"""Creating, changing, duplicating and deleting integrations. References are derived in the same transaction."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.actors import Actor
from accounts.audit import trail
from accounts.common.constraints import violates
from accounts.common.environments import Environment
from accounts.errors import FieldError, Invalid, PermissionDenied
from accounts.people.locks import lock_organization
from accounts.policy import Permission
from integrations.editing.bounds import WITHOUT_EFFECT, check_bounds
from integrations.editing.fields import (
    NOT_SAVED,
    Cleaned,
    check_description,
    check_name,
    clean_config,
    dependants_of,
    destinations_of,
    differs,
    hosts_of,
    name_of_copy,
)
from integrations.editing.locking import lock_integration
from integrations.editing.tool_names import check_tool_name, insert_with_tools, update_tools
from integrations.errors import IntegrationInUse
from integrations.inheritance import parsed
from integrations.models import Integration
from integrations.paste_guard import guard
from integrations.references import derive, gained
from integrations.stops.disabled import DISABLED, note_switch, why_disabled

_WITH_EACH_EDIT = (*DISABLED, "auth_connector", "connection", "version", "updated_at")
_PLAIN = ("name", "description", "tool_name", "only_approved_tools", "enabled")


@dataclass(frozen=True, slots=True)
class IntegrationChanges:
    """The changes of an edit; None leaves a field unchanged. Callers that are refused read `disabled_why`."""

    name: str | None = None
    description: str | None = None
    tool_name: str | None = None
    only_approved_tools: bool | None = None
    enabled: bool | None = None
    disabled_why: str = ""
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
    tool_name: str = "",
    only_approved_tools: bool = True,
    enabled: bool = True,
    environments: Iterable[Environment] = (),
    accept_raw_credentials: bool = False,
) -> Integration:
    """Create an integration.

    Args:
        tool_name: the name of its tool for agents, or the start of their names; by default made of the name.
        environments: where it runs; without any, it runs nowhere.
        accept_raw_credentials: store texts that look like a credential; that is audited.

    Raises:
        PermissionDenied: the actor may not write integrations, or not in these environments, or its API key is limited
            to certain integrations.
        Invalid: a field breaks its rule; nothing is stored.
        RawCredential: a text looks like a credential, and the caller did not accept that.
        ProofNeeded: as `gained.judge`.
    """
    _check_may_create(actor)
    actor.check_environments(*environments)
    texts = {"name": name, "description": description, **({"tool_name": tool_name} if tool_name else {})}
    flags = {"enabled": enabled, "only_approved_tools": only_approved_tools}
    integration = Integration(
        organization=actor.organization, kind=kind, environments=frozenset(environments), **texts, **flags
    )
    try:
        with _changing(actor, integration.pk, is_new=True):
            cleaned = clean_config(actor, kind, config, _problems(integration, texts))
            _apply(integration, cleaned)
            raw = guard.raw_credentials(integration, known=[], accepted=accept_raw_credentials)
            insert_with_tools(integration, cleaned.parsed)
            rows = derive.derive(integration, cleaned.parsed)
            trail.record(
                trail.Event.INTEGRATION_CREATED,
                actor=actor,
                target=integration,
                kind=kind,
                **destinations_of(kind, cleaned.parsed, rows),
                **guard.kept(raw),
            )
    except IntegrityError as error:
        raise _refusal(error) from None
    return integration


def duplicate_integration(*, actor: Actor, integration_id: UUID) -> Integration:
    """Store a disabled copy under a free name, so that it runs only after somebody has reviewed it.

    Raises:
        NotFound, PermissionDenied: as for every integration; also for an API key that is limited to certain
            integrations.
        Invalid: the stored configuration could not be saved today, for example because it names a disabled secret.
    """
    _check_may_create(actor)
    with transaction.atomic():
        lock_organization(actor.organization)
        source = lock_integration(actor, integration_id, None)
        check_bounds(actor, source)
        copy = Integration(
            organization=actor.organization,
            kind=source.kind,
            name=name_of_copy(source),
            description=source.description,
            only_approved_tools=source.only_approved_tools,
            enabled=False,
            environments=source.environments,
            rules=source.rules,
        )
        cleaned = clean_config(actor, source.kind, source.config, [])
        _apply(copy, cleaned)
        insert_with_tools(copy, cleaned.parsed)
        rows = derive.derive(copy, cleaned.parsed)
        trail.record(
            trail.Event.INTEGRATION_DUPLICATED,
            actor=actor,
            target=copy,
            kind=copy.kind,
            source=str(source.id),
            **destinations_of(copy.kind, cleaned.parsed, rows),
            **guard.kept(guard.find(copy)),
        )
    return copy


def update_integration(
    *, actor: Actor, integration_id: UUID, changes: IntegrationChanges, expected_version: int | None = None
) -> Integration:
    """Apply an edit, all or nothing. An edit that changes nothing writes nothing.

    Raises:
        NotFound, PermissionDenied: the actor may not see or write the integration (`check_bounds`).
        EditConflict: somebody saved since `expected_version`.
        Invalid: a field breaks its rule.
        RawCredential: a changed text looks like a credential, and the caller did not accept that.
        ProofNeeded: as `gained.judge`.
    """
    actor.check(Permission.INTEGRATIONS_WRITE)
    try:
        with _changing(actor, integration_id):
            integration = lock_integration(actor, integration_id, expected_version)
            before, config_before, known = integration.environments, parsed(integration), guard.find(integration)
            changed, config = _set_fields(actor, integration, changes)
            if not changed:
                return integration
            if set(changed) - WITHOUT_EFFECT:
                check_bounds(actor, integration, before)
            raw = guard.raw_credentials(integration, known=known, accepted=changes.accept_raw_credentials)
            integration.version += 1
            integration.save(update_fields=[*changed, *_WITH_EACH_EDIT])
            rows = derive.derive(integration, config)
            update_tools(integration, changed, config_before, config)
            trail.record(
                trail.Event.INTEGRATION_CHANGED,
                actor=actor,
                target=integration,
                fields=changed,
                **destinations_of(integration.kind, config, rows),
                hosts_before=hosts_of(integration.kind, config_before),
                **why_disabled(integration, changed),
                **guard.kept(raw),
            )
    except IntegrityError as error:
        raise _refusal(error) from None
    return integration


def delete_integration(*, actor: Actor, integration_id: UUID) -> None:
    """Delete an integration and its references. The records of its runs are kept.

    Raises:
        NotFound, PermissionDenied: the actor may not see or write the integration (`check_bounds`).
        IntegrationInUse: other integrations use it (`dependants`).
    """
    actor.check(Permission.INTEGRATIONS_WRITE)
    with transaction.atomic():
        lock_organization(actor.organization)
        integration = lock_integration(actor, integration_id, None)
        check_bounds(actor, integration)
        _refuse_if_used(integration)
        trail.record(trail.Event.INTEGRATION_DELETED, actor=actor, target=integration, kind=integration.kind)
        integration.delete()


@contextmanager
def _changing(actor: Actor, integration_id: UUID, *, is_new: bool = False) -> Iterator[None]:
    """Open the transaction of a change, which ends with the judgement of what secrets gain by it."""
    with transaction.atomic():
        lock_organization(actor.organization)
        with gained.judging(actor, [integration_id], are_new=is_new):
            yield


def _check_may_create(actor: Actor) -> None:
    actor.check(Permission.INTEGRATIONS_WRITE)
    if actor.integrations is not None:
        raise PermissionDenied("This API key is limited to certain integrations and cannot create one.")


def _set_fields(actor: Actor, integration: Integration, changes: IntegrationChanges) -> tuple[list[str], Any]:
    """Set the new fields on the unsaved integration.

    Returns:
        the names of the changed fields, and the configuration as parsed by its kind.
    """
    wanted, cleaned = _wanted(changes), None
    errors = _problems(integration, {name: new for name, new in wanted.items() if new != getattr(integration, name)})
    if changes.config is not None:
        cleaned = clean_config(actor, integration.kind, changes.config, errors, editing=integration)
        wanted["config"] = cleaned.config
    elif errors:
        raise Invalid(NOT_SAVED, errors=errors)
    changed = [name for name, value in wanted.items() if differs(getattr(integration, name), value)]
    config = cleaned.parsed if cleaned else parsed(integration)
    for name in changed:
        setattr(integration, name, wanted[name])
    note_switch(actor, integration, changed, changes.disabled_why)
    if cleaned:
        _apply(integration, cleaned)
    return changed, config


def _problems(integration: Integration, wanted: Mapping[str, Any]) -> list[FieldError]:
    """Return what is wrong with the wanted name, description and tool name, as far as they are among the fields."""
    checks = {
        "name": lambda name: check_name(name, integration.organization, other_than=integration.pk),
        "description": check_description,
        "tool_name": lambda name: check_tool_name(integration, name),
    }
    return [problem for field, check in checks.items() if field in wanted for problem in check(wanted[field])]


def _wanted(changes: IntegrationChanges) -> dict[str, Any]:
    """Return the new values of fields other than `config`, without fields that stay as they are."""
    wanted: dict[str, Any] = {name: getattr(changes, name) for name in _PLAIN}
    wanted["environments"] = None if changes.environments is None else frozenset(changes.environments)
    return {name: value for name, value in wanted.items() if value is not None}


def _apply(integration: Integration, cleaned: Cleaned) -> None:
    integration.config = cleaned.config
    integration.auth_connector, integration.connection = cleaned.connector, cleaned.connection


def _refuse_if_used(integration: Integration) -> None:
    users = dependants_of(integration)
    if users:
        raise IntegrationInUse(
            f"{integration.name} is used by {len(users)} other integration{'s' if len(users) > 1 else ''}. "
            "Change them first.",
            dependants=users,
        )


def _refusal(error: IntegrityError) -> Exception:
    """Return the refusal if somebody has just taken the name, otherwise the error itself."""
    if not violates(error, "integration_name_once_per_organization"):
        return error
    return Invalid(NOT_SAVED, errors=[FieldError("name", "Somebody has just taken this name. Choose another one.")])
