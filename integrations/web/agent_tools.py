"""The tools that agents get of an integration: their names, their hints, and what of an answer is passed on."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.errors import FieldError, Invalid, NotFound
from accounts.policy import Permission
from accounts.web.replies import see_other
from integrations.editing import integrations
from integrations.kinds import KINDS
from integrations.models import AgentTool, Integration
from integrations.tools import settings
from integrations.tools.agent_tools import describe

YES, NO = "yes", "no"
_CHOSEN = {YES: True, NO: False}
HINTS = {
    "read_only": ("Only reads", "Nothing changes at the upstream."),
    "destructive": ("Destroys", "It may change or remove what is there, not only add to it."),
    "idempotent": ("May be repeated", "A second call with the same arguments changes nothing more."),
    "open_world": ("Reaches outside", "It calls something outside of Coffer."),
}
"""The label and the meaning of each hint."""
OUT_OF_RANGE = 0
"""Stands for a text that is no number."""


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.INTEGRATIONS_WRITE)
def index(request: CofferRequest, actor: Actor, integration_id: UUID) -> HttpResponse:
    """GET lists the tools; POST renames them.

    Raises:
        NotFound: agents get no tools of this kind.
    """
    integration = Integration.objects.fetch(actor, integration_id)
    if not integration.tool_name:
        raise NotFound("Agents get no tools of this integration.")
    if request.method != "POST":
        return _index(request, actor, integration, integration.tool_name)
    wanted = request.POST.get("tool_name", "").strip()
    changes = integrations.IntegrationChanges(tool_name=wanted)
    try:
        integrations.update_integration(actor=actor, integration_id=integration_id, changes=changes)
    except Invalid as refusal:
        return _index(request, actor, integration, wanted, refusal.errors)
    messages.success(request, "Renamed the tools")
    return see_other("integration-agent-tools", actor.organization.slug, integration_id)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.INTEGRATIONS_WRITE)
def edit(request: CofferRequest, actor: Actor, integration_id: UUID, tool_id: UUID) -> HttpResponse:
    """GET shows the hints and limits of a tool; POST saves them."""
    tool = settings.find(Integration.objects.fetch(actor, integration_id), tool_id)
    if request.method != "POST":
        return _form(request, tool, _shown(tool))
    try:
        settings.change_tool(
            actor=actor, integration_id=integration_id, tool_id=tool_id, changes=_submitted(request.POST)
        )
    except Invalid as refusal:
        return _form(request, tool, request.POST.dict(), refusal.errors)
    messages.success(request, f"Saved {tool.name}")
    return see_other("integration-agent-tools", actor.organization.slug, integration_id)


def _index(
    request: CofferRequest, actor: Actor, integration: Integration, wanted: str, errors: list[FieldError] | None = None
) -> HttpResponse:
    page = settings.page_of(actor, integration.pk, cursor=request.GET.get("cursor", ""))
    context = {
        "integration": integration,
        "tools": [{"tool": tool, "offer": describe(tool)} for tool in page.items],
        "next_url": f"{request.path}?{urlencode({'cursor': page.next_cursor})}" if page.next_cursor else "",
        "is_server": bool(KINDS[integration.kind].tools_operation),
        "wanted": wanted,
        "errors": errors or [],
    }
    return render(request, "integrations/agent_tools.html", context, status=Invalid.status if errors else 200)


def _form(
    request: CofferRequest, tool: AgentTool, values: Mapping[str, Any], errors: list[FieldError] | None = None
) -> HttpResponse:
    unset = AgentTool(integration=tool.integration, remote=tool.remote, operation=tool.operation, name=tool.name)
    offer = describe(unset)
    context = {
        "integration": tool.integration,
        "tool": tool,
        "offer": offer,
        "values": values,
        "hints": [
            {
                "field": field,
                "label": label,
                "about": about,
                "value": values.get(field, ""),
                "proposed": getattr(offer.hints, field) if offer else None,
            }
            for field, (label, about) in HINTS.items()
        ],
        "errors": errors or [],
    }
    return render(request, "integrations/agent_tool.html", context, status=Invalid.status if errors else 200)


def _shown(tool: AgentTool) -> dict[str, Any]:
    """Return the stored values as the form sends them."""
    chosen = {None: "", True: YES, False: NO}
    hints = {name: chosen[getattr(tool, name)] for name in settings.HINTS}
    limits = {name: getattr(tool, name) for name in settings.ANSWERS}
    return {**hints, **limits, "max_items": "" if tool.max_items is None else tool.max_items}


def _submitted(post: QueryDict) -> dict[str, Any]:
    """Return the changes of a form; a text that is no number is out of range."""
    items = post.get("max_items", "").strip()
    return {
        **{name: _CHOSEN.get(post.get(name, "")) for name in settings.HINTS},
        "answer_fields": post.get("answer_fields", "").strip(),
        "max_items": _number(items) if items else None,
        "max_characters": _number(post.get("max_characters", "").strip()),
    }


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < len("1234567890") else OUT_OF_RANGE
