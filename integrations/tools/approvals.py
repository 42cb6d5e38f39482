"""Approving tools of MCP servers: a person approves what a listing showed, by its fingerprint."""

from collections.abc import Mapping
from datetime import datetime
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
MAX_AT_ONCE = 200
NOT_APPROVED = "Nothing was approved."
NOT_SHOWN = "The server did not show this when its tools were last listed. List the tools again, and read what it says."


def approve_tool(*, actor: Actor, integration_id: UUID, name: str, fingerprint: str) -> RemoteTool:
    """Approve a tool as it was shown, as `approve_tools` does."""
    return approve_tools(actor=actor, integration_id=integration_id, tools=[(name, fingerprint)])[0]


def approve_tools(*, actor: Actor, integration_id: UUID, tools: list[tuple[str, str]]) -> list[RemoteTool]:
    """Approve tools, each with the fingerprint of what was shown last; all of them or none.

    Approving the same fingerprint again writes nothing.

    Args:
        tools: names and fingerprints.

    Raises:
        PermissionDenied: the actor may not write integrations, or not this one (`check_bounds`).
        NotFound: there is no such integration, or it offers no tools.
        Invalid: there are none or too many, a name or a fingerprint is malformed, or is not what a listing showed last.
    """
    actor.check(Permission.INTEGRATIONS_WRITE)
    if not 1 <= len(tools) <= MAX_AT_ONCE:
        raise Invalid(NOT_APPROVED, errors=[FieldError("tools", f"Approve 1 to {MAX_AT_ONCE} tools at once.")])
    with transaction.atomic():
        integration = _locked(actor, integration_id)
        known = _shown(integration, tools)
        now = timezone.now()
        for tool in known.values():
            if tool.approved_fingerprint != tool.shown_fingerprint:
                _approve(actor, integration, tool, now)
        return [known[name] for name, _ in tools]


def withdraw_tool(*, actor: Actor, integration_id: UUID, name: str) -> None:
    """Withdraw an approval.

    Raises:
        PermissionDenied: the actor may not write integrations, or not this one (`check_bounds`).
        NotFound: there is no such integration, or the tool is not approved.
    """
    actor.check(Permission.INTEGRATIONS_WRITE)
    with transaction.atomic():
        integration = _locked(actor, integration_id)
        tool = integration.remote_tools.filter(name=name).first() if is_plain_name(name) else None
        if tool is None or not tool.approved_fingerprint:
            raise NotFound("This tool is not approved.")
        if tool.shown_fingerprint:
            tool.approved_fingerprint, tool.approved_definition, tool.approved_by, tool.approved_at = "", None, "", None
            tool.save(update_fields=["approved_fingerprint", "approved_definition", "approved_by", "approved_at"])
        else:
            tool.delete()
        trail.record(trail.Event.INTEGRATION_TOOL_WITHDRAWN, actor=actor, target=integration, tool=name)


def _locked(actor: Actor, integration_id: UUID) -> Integration:
    lock_organization(actor.organization)
    integration = Integration.objects.fetch(actor, integration_id)
    if not KINDS[integration.kind].tools_operation:
        raise NotFound("This integration offers no tools.")
    integration.organization = actor.organization
    check_bounds(actor, integration)
    return integration


def _shown(integration: Integration, tools: list[tuple[str, str]]) -> dict[str, RemoteTool]:
    """Return the tools by name, if they were shown so last.

    Raises:
        Invalid: one was not, or too many would be approved.
    """
    names = [name for name, _ in tools if is_plain_name(name)]
    known = {tool.name: tool for tool in integration.remote_tools.filter(name__in=names)}
    errors = [error for at, tool in enumerate(tools) for error in _problems(tool, known, at, len(tools))]
    if errors := errors or _too_many(integration, known):
        raise Invalid(NOT_APPROVED, errors=errors)
    return known


def _problems(wanted: tuple[str, str], known: Mapping[str, RemoteTool], at: int, count: int) -> list[FieldError]:
    (name, fingerprint), place = wanted, f"tools[{at}]." if count > 1 else ""
    errors = []
    if not is_plain_name(name):
        errors.append(FieldError(f"{place}name", "Enter the name of a tool as shown in the list."))
    if not is_fingerprint(fingerprint):
        errors.append(FieldError(f"{place}fingerprint", "Enter the fingerprint of the tool as shown in the list."))
    if not errors and (name not in known or known[name].shown_fingerprint != fingerprint):
        errors.append(FieldError(f"{place}fingerprint", NOT_SHOWN))
    return errors


def _too_many(integration: Integration, wanted: Mapping[str, RemoteTool]) -> list[FieldError]:
    others = integration.remote_tools.exclude(approved_fingerprint="").exclude(name__in=wanted)
    if others.count() + len(wanted) <= MAX_APPROVED:
        return []
    return [FieldError("name", f"At most {MAX_APPROVED} tools can be approved. Withdraw others first.")]


def _approve(actor: Actor, integration: Integration, tool: RemoteTool, now: datetime) -> None:
    was_approved = bool(tool.approved_fingerprint)
    tool.approved_fingerprint, tool.approved_definition = tool.shown_fingerprint, tool.shown_definition
    tool.approved_by, tool.approved_at = actor.label, now
    tool.save(update_fields=["approved_fingerprint", "approved_definition", "approved_by", "approved_at"])
    trail.record(
        trail.Event.INTEGRATION_TOOL_APPROVED,
        actor=actor,
        target=integration,
        tool=tool.name,
        fingerprint=tool.approved_fingerprint,
        changed=was_approved,
    )
