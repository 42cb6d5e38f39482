"""Tools of MCP servers in a run: whether one may be called, and that a server says that they have changed."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.common.sql.compiled import Among, CompiledQuery
from accounts.errors import Refusal
from accounts.mail.sending import link
from integrations.errors import ToolChanged, ToolNotApproved
from integrations.exchange.offered_tools import is_plain_name
from integrations.exchange.passing import PASS_THROUGH, SAFE_METHODS
from integrations.inheritance import operations_of
from integrations.kinds import KINDS
from integrations.models import Integration, RemoteTool, ToolListing
from integrations.tool_models import ToolState

_COLUMNS = ("integration", "name", "approved_fingerprint", "shown_fingerprint", "gone_at")
_TOOLS = CompiledQuery(lambda: RemoteTool.objects.only(*_COLUMNS).filter(Among("integration", "name")))

Wanted = tuple[Integration, Any]
"""An integration with its organization, and the name of one of the server's tools, as the caller sent it."""


def judge_tools(wanted: Sequence[Wanted]) -> list[Refusal | None]:
    """Return for each tool why it may not be called; None if it may. All are looked up with one query.

    A tool that was approved before its definition was kept may be called until a listing shows another one.
    """
    rows = {(integration.pk, name) for integration, name in wanted if is_plain_name(name)}
    found = {(tool.integration_id, tool.name): tool for tool in _TOOLS.ask(rows)}
    return [_judged(integration, found.get((integration.pk, name))) for integration, name in wanted]


def changes_nothing(integration: Integration, operation: str, params: Mapping[str, Any]) -> bool:
    """Return whether an operation is known to change nothing; the tool of a server as `_is_read_only` says."""
    if operation == KINDS[integration.kind].calling_operation:
        return _is_read_only(integration, params["name"])
    if operation == PASS_THROUGH:
        return params["method"] in SAFE_METHODS
    return operations_of(integration)[operation].read_only


def _is_read_only(integration: Integration, name: Any) -> bool:
    """Return whether a tool changes nothing, as a person set, else as the definition says that a person approved."""
    if not is_plain_name(name):
        return False
    tools = RemoteTool.objects.filter(integration=integration, name=name).select_related("agent_tool")
    for tool in tools.exclude(approved_fingerprint=""):
        chosen = tool.agent_tool.read_only if hasattr(tool, "agent_tool") else None
        told = (tool.approved_definition or {}).get("annotations")
        return chosen if chosen is not None else isinstance(told, dict) and told.get("readOnlyHint") is True
    return False


def _judged(integration: Integration, tool: RemoteTool | None) -> Refusal | None:
    if tool is None or not tool.approved_fingerprint:
        return _refusal(ToolNotApproved, integration, "is not approved. A person has to approve it")
    if tool.state is ToolState.CHANGED:
        return _refusal(ToolChanged, integration, "has changed since it was approved. A person has to approve it again")
    return None


def _refusal(kind: type[ToolNotApproved | ToolChanged], integration: Integration, said: str) -> Refusal:
    """Return the refusal. It does not repeat the name, which is the caller's text and not searched for values yet."""
    refusal = kind(f"This tool of {integration.name} {said}, on the page Tools of this integration.")
    refusal.members["page"] = link("integration-tools", integration.organization.slug, integration.pk)
    return refusal


def note_changed_tools(integration_id: UUID) -> None:
    """Note that the tools of a server are to be listed anew. What is noted already is not written again."""
    if ToolListing.objects.filter(pk=integration_id).exclude(announced_at=None).exists():
        return
    row = ToolListing(integration_id=integration_id, announced_at=timezone.now())
    with suppress(IntegrityError), transaction.atomic():  # the integration may be deleted by now
        ToolListing.objects.bulk_create(
            [row], update_conflicts=True, unique_fields=["integration"], update_fields=["announced_at"]
        )
