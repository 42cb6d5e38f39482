"""Storing what a listing of an MCP server showed: what people approve, and what agents read of a tool."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.people.locks import lock_organization
from accounts.policy import Permission
from integrations.editing.tool_names import name_remote_tools
from integrations.exchange.offered_tools import OfferedTool
from integrations.kinds import KINDS
from integrations.models import Integration, RemoteTool, ToolListing

MAX_KEPT = 2000
"""Tools of one server that are kept. Beyond that, those that went and were never approved are forgotten."""
BATCH = 100
DEFINITIONS = ("shown_definition", "approved_definition")


def store_listing(
    actor: Actor, integration_id: UUID, environment: Environment, offered: Iterable[OfferedTool]
) -> list[RemoteTool]:
    """Store what a listing showed, and name its new tools for agents. Tools that it left out are gone.

    A tool whose name cannot be shown is not stored, so it cannot be approved.

    Returns:
        every tool of the server that is kept, without its definitions.

    Raises:
        PermissionDenied: the actor may not run integrations.
        NotFound: the integration was deleted meanwhile.
    """
    actor.check(Permission.INTEGRATIONS_RUN)
    shown = {tool.name: tool for tool in offered if tool.can_be_approved}
    with transaction.atomic():
        lock_organization(actor.organization)
        integration = Integration.objects.fetch(actor, integration_id)
        integration.organization = actor.organization
        now = timezone.now()
        _store_new(integration, shown, now)
        _store_known(integration, shown, now)
        _forget(integration)
        unnamed = stored_tools(integration.id, agent_tool=None)
        name_remote_tools(integration, KINDS[integration.kind].calling_operation, unnamed)
        listed = {"environment": environment.value, "asked_at": now, "listed_at": now, "announced_at": None}
        ToolListing.objects.update_or_create(integration=integration, defaults=listed)
        return stored_tools(integration.id)


def stored_tools(integration_id: UUID, **wanted: object) -> list[RemoteTool]:
    """Return the tools of a server that are kept, by name, without their definitions."""
    rows = RemoteTool.objects.filter(integration=integration_id, **wanted)
    return list(rows.defer(*DEFINITIONS).order_by("name"))


def _store_new(integration: Integration, shown: Mapping[str, OfferedTool], now: datetime) -> None:
    known = set(integration.remote_tools.values_list("name", flat=True))
    new = [
        RemoteTool(
            integration=integration,
            name=name,
            shown_definition=tool.definition,
            shown_fingerprint=tool.fingerprint,
            seen_at=now,
        )
        for name, tool in shown.items()
        if name not in known
    ]
    RemoteTool.objects.bulk_create(new, batch_size=BATCH)


def _store_known(integration: Integration, shown: Mapping[str, OfferedTool], now: datetime) -> None:
    """Update what is stored. What stays as it is is not written, so that caches of agents' tools hold."""
    seen = [row for row in stored_tools(integration.id) if row.name in shown]
    _store_definitions([row for row in seen if row.shown_fingerprint != shown[row.name].fingerprint], shown)
    rows = integration.remote_tools
    rows.filter(pk__in=[row.pk for row in seen]).update(seen_at=now)
    rows.filter(pk__in=[row.pk for row in seen if row.gone_at]).update(gone_at=None)
    rows.filter(gone_at=None).exclude(name__in=shown).update(gone_at=now)


def _store_definitions(changed: Sequence[RemoteTool], shown: Mapping[str, OfferedTool]) -> None:
    for row in changed:
        row.shown_definition = shown[row.name].definition
        row.shown_fingerprint = shown[row.name].fingerprint
    RemoteTool.objects.bulk_update(changed, ["shown_definition", "shown_fingerprint"], batch_size=BATCH)
    as_approved = [row for row in changed if row.shown_fingerprint == row.approved_fingerprint]
    for row in as_approved:  # it may have been approved before definitions were kept
        row.approved_definition = row.shown_definition
    RemoteTool.objects.bulk_update(as_approved, ["approved_definition"], batch_size=BATCH)


def _forget(integration: Integration) -> None:
    """Forget the tools that went first and were never approved, as far as there are too many."""
    too_many = integration.remote_tools.count() - MAX_KEPT
    if too_many > 0:
        gone = integration.remote_tools.filter(approved_fingerprint="").exclude(gone_at=None)
        oldest = list(gone.order_by("gone_at", "name").values_list("pk", flat=True)[:too_many])
        integration.remote_tools.filter(pk__in=oldest).delete()
