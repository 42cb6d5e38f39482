"""One change of a plan, carried out by the services that pages and the API use, in the transaction of the caller."""

from typing import Any

from accounts.actors import Actor
from accounts.errors import Invalid
from integrations.alerts import endpoints
from integrations.alerts.choices import EndpointFields
from integrations.declared.differences import PlannedChange
from integrations.declared.document import DeclaredWebhook
from integrations.declared.parents import with_ids
from integrations.declared.rules import rules_of_file
from integrations.editing.fields import NOT_SAVED
from integrations.editing.integrations import (
    IntegrationChanges,
    create_integration,
    delete_integration,
    update_integration,
)
from integrations.editing.rules import set_rules
from integrations.models import EndpointKind
from secrets_app.editing.deleting import delete_secret
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import create_secret, set_enabled, update_secret
from secrets_app.models import Secret


def carry_out(actor: Actor, change: PlannedChange, *, accept_raw_credentials: bool) -> None:
    """Create, change or delete a member. A secret is not disabled yet (`disable`).

    Raises:
        PermissionDenied: the actor may not.
        Invalid, RawCredential, ValueRequired, SecretInUse, IntegrationInUse: as the services.
    """
    if change.section == "secrets":
        _of_secret(actor, change)
    elif change.section == "integrations":
        _of_integration(actor, change, accept_raw_credentials=accept_raw_credentials)
    else:
        _of_webhook(actor, change)


def is_disabled_by(change: PlannedChange) -> bool:
    """Return whether a change leaves a secret disabled that is enabled, or new."""
    is_about_it = change.stored is None or "enabled" in change.fields
    return change.section == "secrets" and is_about_it and change.declared is not None and not change.declared.enabled


def disable(actor: Actor, change: PlannedChange) -> None:
    """Disable the secret of a change.

    Raises:
        PermissionDenied: the actor may not.
    """
    secret_id = change.stored.id if change.stored else Secret.objects.of(actor.organization).get(name=change.name).pk
    set_enabled(actor=actor, secret_id=secret_id, enabled=False)


def _of_secret(actor: Actor, change: PlannedChange) -> None:
    declared = change.declared
    if change.stored is None:
        create_secret(
            actor=actor,
            name=change.name,
            description=declared.description,
            allowed_domains=declared.allowed_domains,
            is_identifier=declared.is_identifier,
            rotate_every_days=declared.rotate_every_days,
            required_in=declared.required_in,
        )
    elif declared is None:
        delete_secret(actor=actor, secret_id=change.stored.id)
    else:
        update_secret(actor=actor, secret_id=change.stored.id, changes=_secret_changes(change))


def _secret_changes(change: PlannedChange) -> SecretChanges:
    given: dict[str, Any] = {name: getattr(change.declared, name) for name in change.fields}
    return SecretChanges(
        description=given.get("description"),
        allowed_domains=given.get("allowed_domains"),
        enabled=given.get("enabled") or None,
        is_identifier=given.get("is_identifier"),
        rotate_every_days=given.get("rotate_every_days"),
        stop_rotation="rotate_every_days" in given and given["rotate_every_days"] is None,
        required_in=frozenset(given["required_in"]) if "required_in" in given else None,
    )


def _of_integration(actor: Actor, change: PlannedChange, *, accept_raw_credentials: bool) -> None:
    declared = change.declared
    if declared is None and change.stored:
        delete_integration(actor=actor, integration_id=change.stored.id)
        return
    config, errors = with_ids(actor, declared.kind, declared.config)
    if errors:
        raise Invalid(NOT_SAVED, errors=errors)
    given = {
        "description": declared.description,
        "only_approved_tools": declared.only_approved_tools,
        "enabled": declared.enabled,
        "environments": declared.environments,
        "config": config,
        "accept_raw_credentials": accept_raw_credentials,
    }
    if change.stored:
        changes = IntegrationChanges(**given, tool_name=declared.tool_name if "tool_name" in change.fields else None)
        integration = update_integration(actor=actor, integration_id=change.stored.id, changes=changes)
    else:
        integration = create_integration(
            actor=actor, kind=declared.kind, name=change.name, tool_name=declared.tool_name or "", **given
        )
    if "rules" in change.fields:
        rules = rules_of_file(actor, declared.rules or [])
        set_rules(actor=actor, integration_id=integration.pk, rules=rules)


def _of_webhook(actor: Actor, change: PlannedChange) -> None:
    declared: DeclaredWebhook = change.declared
    if change.stored is None:
        endpoint, _ = endpoints.create_endpoint(actor=actor, fields=_endpoint_fields(change, declared.address))
        endpoint_id = endpoint.pk
    elif declared is None:
        endpoints.delete_endpoint(actor=actor, endpoint_id=change.stored.id)
        return
    else:
        endpoint_id = change.stored.id
        if change.fields.keys() - {"paused"}:
            address = declared.address if "address" in change.fields else ""
            endpoints.change_endpoint(actor=actor, endpoint_id=endpoint_id, fields=_endpoint_fields(change, address))
    if "paused" in change.fields:
        switch = endpoints.pause_endpoint if declared.paused else endpoints.resume_endpoint
        switch(actor=actor, endpoint_id=endpoint_id)


def _endpoint_fields(change: PlannedChange, address: str) -> EndpointFields:
    """Return the fields of an endpoint; with an empty address it keeps its own."""
    declared = change.declared
    return EndpointFields(
        kind=EndpointKind(declared.kind),
        name=change.name,
        address=address,
        recipients=declared.recipients,
        is_digest=declared.digest,
        events=declared.events,
        after_minutes=declared.after_minutes,
    )
