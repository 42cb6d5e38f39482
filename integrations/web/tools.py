"""Listing the tools that an integration offers, and approving them."""

from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.errors import FieldError, Invalid, NotFound, PermissionDenied, Refusal
from accounts.policy import Permission
from accounts.web.replies import is_fragment, see_other
from integrations.exchange.offered_tools import visible
from integrations.kinds import KINDS
from integrations.models import Integration
from integrations.tools import approvals
from integrations.tools import listing as tools
from integrations.web import editor

NO_ENVIRONMENT = "Choose an environment to list the tools in: Development, Staging or Production."


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
        return editor.page(request, actor, integration.kind, integration=integration, errors=errors, status=422)
    context = _listed(actor, integration, environment) | {"listed_in": environment}
    if is_fragment(request):
        return render(request, "integrations/_tools.html", {"integration": integration, **context})
    return editor.page(request, actor, integration.kind, integration=integration, **context)


@require_POST
@requires(Permission.INTEGRATIONS_WRITE)
def approve(request: CofferRequest, actor: Actor, integration_id: UUID) -> HttpResponse:
    """Approve a tool as the page shows it."""
    name, fingerprint = request.POST.get("name", ""), request.POST.get("fingerprint", "")
    integration = _integration(actor, integration_id)
    try:
        approvals.approve_tool(actor=actor, integration_id=integration_id, name=name, fingerprint=fingerprint)
    except Invalid as refusal:
        errors = [FieldError("", error.message) for error in refusal.errors]
        return editor.page(request, actor, integration.kind, integration=integration, errors=errors, status=422)
    return _done(request, actor, integration, name, fingerprint, tools.APPROVED, f"Approved {visible(name)}")


@require_POST
@requires(Permission.INTEGRATIONS_WRITE)
def withdraw(request: CofferRequest, actor: Actor, integration_id: UUID) -> HttpResponse:
    """Withdraw the approval of a tool.

    Raises:
        NotFound: the tool is not approved.
    """
    name, fingerprint = request.POST.get("name", ""), request.POST.get("fingerprint", "")
    integration = _integration(actor, integration_id)
    approvals.withdraw_tool(actor=actor, integration_id=integration_id, name=name)
    message = f"Withdrew the approval of {visible(name)}"
    return _done(request, actor, integration, name, fingerprint, tools.NEW, message)


def _integration(actor: Actor, integration_id: UUID) -> Integration:
    integration = Integration.objects.fetch(actor, integration_id)
    if not KINDS[integration.kind].tools_operation:
        raise NotFound("This integration offers no tools.")
    return integration


def _listed(actor: Actor, integration: Integration, environment: Environment) -> dict[str, Any]:
    try:
        return {"listing": async_to_sync(tools.list_tools)(actor, integration.id, environment)}
    except (NotFound, PermissionDenied):
        raise
    except Refusal as refusal:
        return {"listing_refusal": refusal}


def _done(
    request: CofferRequest,
    actor: Actor,
    integration: Integration,
    name: str,
    fingerprint: str,
    state: str,
    message: str,
) -> HttpResponse:
    """Render the tool's buttons for its new state; without htmx, redirect to the page with a message."""
    if not is_fragment(request):
        messages.success(request, message)
        return see_other("integration-edit", actor.organization.slug, integration.id)
    context = {"integration": integration, "name": name, "fingerprint": fingerprint, "state": state}
    return render(request, "integrations/_tool_acts.html", context)
