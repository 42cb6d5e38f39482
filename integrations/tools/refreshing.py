"""Listing the tools of MCP servers anew, so that changes show before somebody looks (docs/kinds/mcp-servers.md)."""

import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.actors import actor_for_command
from accounts.errors import Refusal
from integrations.kinds import KINDS
from integrations.models import Integration, RemoteTool, ToolListing
from integrations.tools.listing import list_tools
from integrations.tools.overview import environment_of, listing_of

EVERY = timedelta(hours=20)
"""A daily job does not start at the same second each day."""
AT_MOST, SECONDS = 200, 600.0
"""How many servers one call lists, and after what time it begins no further one."""


def refresh_due(*, command: str, clock: Callable[[], float] = time.monotonic) -> tuple[int, int]:
    """List the tools of the servers that are due; those that waited longest first.

    Due is an enabled server of which tools are approved and that was not asked within `EVERY`, or that has said since
    its last list that its tools changed. Each list is a run, in the environment of the list before. A server that does
    not answer does not stop the rest.

    Args:
        command: the management command to name as the caller.

    Returns:
        how many servers answered, and how many did not.
    """
    until, listed, failed = clock() + SECONDS, 0, 0
    for integration_id in list(_due().values_list("pk", flat=True)[:AT_MOST]):
        if clock() > until:
            break
        answered = _refresh(integration_id, command)
        listed, failed = listed + (answered is True), failed + (answered is False)
    return listed, failed


def _due() -> QuerySet[Integration]:
    offering = [key for key, kind in KINDS.items() if kind.tools_operation]
    approved = RemoteTool.objects.filter(integration=OuterRef("pk")).exclude(approved_fingerprint="")
    asked, announced = F("tool_listing__asked_at"), Q(tool_listing__announced_at__isnull=False)
    is_old = Q(tool_listing__asked_at__isnull=True) | Q(tool_listing__asked_at__lt=timezone.now() - EVERY)
    enabled = Integration.objects.filter(kind__in=offering, enabled=True, environments__gt=0)
    return enabled.filter(Exists(approved), is_old | announced).order_by(asked.asc(nulls_first=True), "pk")


def _refresh(integration_id: UUID, command: str) -> bool | None:
    """Return whether the server listed its tools; None if there is nothing to list by now."""
    integration = Integration.objects.select_related("organization").filter(pk=integration_id).first()
    environment = environment_of(integration, listing_of(integration_id)) if integration else None
    if integration is None or environment is None:
        return None
    ToolListing.objects.update_or_create(integration=integration, defaults={"asked_at": timezone.now()})
    actor = actor_for_command(integration.organization, command)
    try:
        return not async_to_sync(list_tools)(actor, integration_id, environment).problem
    except Refusal:
        return False
