"""Deleting an integration."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import record_refused_attempt, requires
from accounts.actors import Actor
from accounts.policy import Permission
from accounts.web.replies import is_fragment, see_other
from integrations.editing import integrations
from integrations.editing.fields import dependants_of
from integrations.errors import IntegrationInUse
from integrations.models import Integration
from integrations.web.editor import DEPENDANTS_AT_MOST


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.INTEGRATIONS_WRITE)
def delete(request: CofferRequest, actor: Actor, integration_id: UUID) -> HttpResponse:
    """GET shows the question, or what prevents the deletion; POST deletes the integration."""
    integration = Integration.objects.fetch(actor, integration_id)
    if request.method != "POST":
        return _dialog(request, integration)
    try:
        integrations.delete_integration(actor=actor, integration_id=integration_id)
    except IntegrationInUse as refusal:
        record_refused_attempt(request, refusal)
        return _dialog(request, integration, refusal.status)
    messages.success(request, f"Deleted {integration.name}")
    return see_other("integrations", actor.organization.slug)


def _dialog(request: CofferRequest, integration: Integration, status: int = 200) -> HttpResponse:
    dependants = dependants_of(integration, DEPENDANTS_AT_MOST + 1)
    context = {
        "integration": integration,
        "dependants": dependants[:DEPENDANTS_AT_MOST],
        "more_dependants": len(dependants) > DEPENDANTS_AT_MOST,
    }
    fragment = "integrations/_delete_blocked.html" if dependants else "integrations/_delete_dialog.html"
    return render(request, fragment if is_fragment(request) else "integrations/delete.html", context, status=status)
