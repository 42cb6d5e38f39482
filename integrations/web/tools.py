"""The page of the tools of an MCP server: listing them, approving them, and what agents see of them."""

import json
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.errors import FieldError, Invalid, NotFound, PermissionDenied, Refusal
from accounts.policy import Permission
from accounts.web.replies import is_fragment, see_other
from integrations.editing.integrations import IntegrationChanges, update_integration
from integrations.exchange.offered_tools import visible
from integrations.kinds import KINDS
from integrations.models import Integration
from integrations.readiness import overview
from integrations.tool_models import ToolState
from integrations.tools import approvals
from integrations.tools import listing as tools
from integrations.tools import overview as tool_overview

NO_ENVIRONMENT = "Choose an environment to list the tools in: Development, Staging or Production."
STATES = [(state.value, state.value.capitalize()) for state in ToolState]


@require_GET
@requires(Permission.INTEGRATIONS_READ)
def index(request: CofferRequest, actor: Actor, integration_id: UUID) -> HttpResponse:
    """Show a page of the tools as they were listed last; only the tools for htmx. Nothing is called.

    Raises:
        NotFound: the integration offers no tools.
        Invalid: the cursor does not belong to this list.
    """
    return _page(request, actor, _integration(actor, integration_id))


@require_POST
@requires(Permission.INTEGRATIONS_RUN)
def listing(request: CofferRequest, actor: Actor, integration_id: UUID) -> HttpResponse:
    """List the tools with the values of one environment. The request is recorded as a run.

    Raises:
        NotFound: the integration offers no tools.
    """
    integration = _integration(actor, integration_id)
    environment = next((item for item in Environment if item.value == request.POST.get("environment")), None)
    if environment is None:
        errors = [FieldError("tools_environment", NO_ENVIRONMENT)]
        return _page(request, actor, integration, errors=errors, status=422)
    listed = _listed(actor, integration, environment)
    if is_fragment(request) or not ("listing" in listed and not listed["listing"].problem):
        return _page(request, actor, integration, chosen=environment, **listed)
    return _done(request, actor, integration, f"Listed {len(listed['listing'].tools)} tools")


@require_POST
@requires(Permission.INTEGRATIONS_WRITE)
def approve(request: CofferRequest, actor: Actor, integration_id: UUID) -> HttpResponse:
    """Approve one or several tools as the page shows them: the fields `name` and `fingerprint`, once for each."""
    names, fingerprints = request.POST.getlist("name"), request.POST.getlist("fingerprint")
    integration = _integration(actor, integration_id)
    wanted = list(zip(names, fingerprints, strict=False))
    try:
        approved = approvals.approve_tools(actor=actor, integration_id=integration_id, tools=wanted)
    except Invalid as refusal:
        errors = [FieldError("", message) for message in dict.fromkeys(error.message for error in refusal.errors)]
        return _page(request, actor, integration, errors=errors, status=422)
    said = visible(approved[0].name) if len(approved) == 1 else f"{len(approved)} tools"
    return _done(request, actor, integration, f"Approved {said}")


@require_POST
@requires(Permission.INTEGRATIONS_WRITE)
def withdraw(request: CofferRequest, actor: Actor, integration_id: UUID) -> HttpResponse:
    """Withdraw the approval of a tool.

    Raises:
        NotFound: the tool is not approved.
    """
    name = request.POST.get("name", "")
    integration = _integration(actor, integration_id)
    approvals.withdraw_tool(actor=actor, integration_id=integration_id, name=name)
    return _done(request, actor, integration, f"Withdrew the approval of {visible(name)}")


@require_POST
@requires(Permission.INTEGRATIONS_WRITE)
def only_approved(request: CofferRequest, actor: Actor, integration_id: UUID) -> HttpResponse:
    """Switch whether agents see only approved tools."""
    integration = _integration(actor, integration_id)
    changes = IntegrationChanges(only_approved_tools=request.POST.get("only_approved") == "on")
    saved = update_integration(actor=actor, integration_id=integration_id, changes=changes)
    seen = "only approved tools" if saved.only_approved_tools else "all tools of the server"
    integration.only_approved_tools = saved.only_approved_tools
    return _done(request, actor, integration, f"Agents see {seen}")


def _integration(actor: Actor, integration_id: UUID) -> Integration:
    integration = Integration.objects.fetch(actor, integration_id)
    if not KINDS[integration.kind].tools_operation:
        raise NotFound("This integration offers no tools.")
    integration.organization = actor.organization
    return integration


def _listed(actor: Actor, integration: Integration, environment: Environment) -> dict[str, Any]:
    try:
        return {"listing": async_to_sync(tools.list_tools)(actor, integration.id, environment)}
    except (NotFound, PermissionDenied):
        raise
    except Refusal as refusal:
        return {"listing_refusal": refusal}


def _page(
    request: CofferRequest, actor: Actor, integration: Integration, *, status: int = 200, **more: Any
) -> HttpResponse:
    """Render the page with what is stored; only its changing part for htmx.

    Args:
        more: further context: `errors`, and the `listing` or the `listing_refusal` of a list that was asked for.
    """
    asked = request.GET if request.method == "GET" else request.POST
    text, state = asked.get("q", ""), asked.get("state", "")
    found = tool_overview.overview(integration, text=text, state=state, cursor=asked.get("cursor", ""))
    context = {
        "row": overview.one(actor, integration.id),
        "integration": integration,
        "kind": KINDS[integration.kind],
        "found": found,
        "filters": {"q": text, "state": state},
        "states": [(value, label, getattr(found.counts, value)) for value, label in STATES],
        "next_url": _next_url(actor, integration, text, state, found.page.next_cursor),
        "chosen": tool_overview.environment_of(integration, found.listing),
        "may_write": actor.may(Permission.INTEGRATIONS_WRITE),
        "errors": [],
        "is_fragment": is_fragment(request),
        **more,
    }
    template = "integrations/tools/_tools.html" if is_fragment(request) else "integrations/tools/page.html"
    return render(request, template, context, status=status)


def _next_url(actor: Actor, integration: Integration, text: str, state: str, cursor: str | None) -> str:
    if cursor is None:
        return ""
    query = {"q": text, "state": state, "cursor": cursor}
    page = reverse("integration-tools", args=[actor.organization.slug, integration.id])
    return f"{page}?{urlencode({name: value for name, value in query.items() if value})}"


def _done(request: CofferRequest, actor: Actor, integration: Integration, message: str) -> HttpResponse:
    """Render the tools as they are now; without htmx, redirect to the page with a message."""
    if not is_fragment(request):
        messages.success(request, message)
        return see_other("integration-tools", actor.organization.slug, integration.id)
    response = _page(request, actor, integration)
    response.headers["HX-Trigger"] = json.dumps({"toast": message})
    return response
