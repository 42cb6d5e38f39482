"""Approving tools that an integration offers, by the fingerprint that a person has seen."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.actors import Actor
from accounts.audit import trail
from accounts.errors import FieldError, Invalid, NotFound
from accounts.people.locks import lock_organization
from accounts.policy import Permission
from integrations.editing.bounds import check_bounds
from integrations.exchange.offered_tools import is_fingerprint, is_plain_name
from integrations.kinds import KINDS
from integrations.models import Integration, RemoteTool

MAX_APPROVED = 1000
NOT_APPROVED = "The tool was not approved."


def approve_tool(*, actor: Actor, integration_id: UUID, name: str, fingerprint: str) -> RemoteTool:
    """Approve a tool with this fingerprint. Approving the same fingerprint again writes nothing.

    Raises:
        PermissionDenied: the actor may not write integrations, or not this one (`check_bounds`).
        NotFound: there is no such integration, or it offers no tools.
        Invalid: the name or the fingerprint is malformed, or too many tools are approved.
    """
    actor.check(Permission.INTEGRATIONS_WRITE)
    with transaction.atomic():
        integration = _locked(actor, integration_id)
        _check(integration, name, fingerprint)
        known = integration.remote_tools.filter(name=name).first()
        if known and known.approved_fingerprint == fingerprint:
            return known
        approved = known or RemoteTool(integration=integration, name=name)
        approved.approved_fingerprint, approved.approved_by, approved.approved_at = (
            fingerprint,
            actor.label,
            timezone.now(),
        )
        approved.save()
        trail.record(
            trail.Event.INTEGRATION_TOOL_APPROVED,
            actor=actor,
            target=integration,
            tool=name,
            fingerprint=fingerprint,
            changed=known is not None,
        )
    return approved


def withdraw_tool(*, actor: Actor, integration_id: UUID, name: str) -> None:
    """Withdraw an approval.

    Raises:
        PermissionDenied: the actor may not write integrations, or not this one (`check_bounds`).
        NotFound: there is no such integration, or the tool is not approved.
    """
    actor.check(Permission.INTEGRATIONS_WRITE)
    with transaction.atomic():
        integration = _locked(actor, integration_id)
        approved = integration.remote_tools.filter(name=name).first() if is_plain_name(name) else None
        if approved is None:
            raise NotFound("This tool is not approved.")
        approved.delete()
        trail.record(trail.Event.INTEGRATION_TOOL_WITHDRAWN, actor=actor, target=integration, tool=name)


def _locked(actor: Actor, integration_id: UUID) -> Integration:
    lock_organization(actor.organization)
    integration = Integration.objects.fetch(actor, integration_id)
    if not KINDS[integration.kind].tools_operation:
        raise NotFound("This integration offers no tools.")
    integration.organization = actor.organization
    check_bounds(actor, integration)
    return integration


def _check(integration: Integration, name: str, fingerprint: str) -> None:
    errors = []
    if not is_plain_name(name):
        errors.append(FieldError("name", "Enter the name of a tool as shown in the list."))
    if not is_fingerprint(fingerprint):
        errors.append(FieldError("fingerprint", "Enter the fingerprint of the tool as shown in the list."))
    if not errors and integration.remote_tools.exclude(name=name).count() >= MAX_APPROVED:
        errors.append(FieldError("name", f"At most {MAX_APPROVED} tools can be approved. Withdraw others first."))
    if errors:
        raise Invalid(NOT_APPROVED, errors=errors)
