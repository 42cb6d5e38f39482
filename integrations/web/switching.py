"""Enabling and disabling an integration. Disabling what is in use asks first; both can be undone."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.errors import FieldError, Invalid
from accounts.policy import Permission
from accounts.web.replies import Undo, ask, see_other, with_undo
from integrations.editing.integrations import IntegrationChanges, update_integration
from integrations.models import Integration
from integrations.references.stopping import Stops, stopped_by_integration


@require_POST
@requires(Permission.INTEGRATIONS_WRITE)
def enable(request: CofferRequest, actor: Actor, integration_id: UUID) -> HttpResponse:
    """Enable an integration."""
    return _switch(request, actor, integration_id, enabled=True)


@require_POST
@requires(Permission.INTEGRATIONS_WRITE)
def disable(request: CofferRequest, actor: Actor, integration_id: UUID) -> HttpResponse:
    """Disable an integration, or ask first if others stop with it, or it was called in the last hour."""
    integration = Integration.objects.fetch(actor, integration_id)
    stops = stopped_by_integration(integration)
    is_used = stops.calls or any(one.via for one in stops.all)
    if integration.enabled and is_used and "sure" not in request.POST:
        return _ask(request, integration, stops, [])
    try:
        return _switch(request, actor, integration_id, enabled=False, why=request.POST.get("why", ""))
    except Invalid as refusal:
        return _ask(request, integration, stops, refusal.errors)


def _ask(request: CofferRequest, integration: Integration, stops: Stops, errors: list[FieldError]) -> HttpResponse:
    """Ask whether and why; what was typed stays."""
    context = {"integration": integration, "stops": stops, "why": request.POST.get("why", ""), "errors": errors}
    response = ask(request, "integrations/disable.html", "integrations/_disable_dialog.html", context)
    response.status_code = 422 if errors else 200
    return response


def say_switched(request: HttpRequest, said: str, integration: Integration) -> None:
    """Say that an integration was enabled or disabled, beside the way back."""
    opposite = "integration-disable" if integration.enabled else "integration-enable"
    with_undo(request, said, Undo(reverse(opposite, args=[integration.organization.slug, integration.pk]), []))


def _switch(
    request: CofferRequest, actor: Actor, integration_id: UUID, *, enabled: bool, why: str = ""
) -> HttpResponse:
    changes = IntegrationChanges(enabled=enabled, disabled_why=why)
    integration = update_integration(actor=actor, integration_id=integration_id, changes=changes)
    say_switched(request, f"{'Enabled' if enabled else 'Disabled'} {integration.name}", integration)
    return see_other("integration-edit", actor.organization.slug, integration.pk)
