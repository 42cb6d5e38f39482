"""*Duplicate*: copying a saved integration."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.views.decorators.http import require_POST

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.errors import Invalid
from accounts.policy import Permission
from accounts.web.replies import see_other
from integrations.editing import integrations


@require_POST
@requires(Permission.INTEGRATIONS_WRITE)
def duplicate(request: CofferRequest, actor: Actor, integration_id: UUID) -> HttpResponse:
    """Copy the saved integration and show the copy; if that is refused, return with the reasons."""
    try:
        copy = integrations.duplicate_integration(actor=actor, integration_id=integration_id)
    except Invalid as refusal:
        reasons = " ".join(error.message for error in refusal.errors)
        messages.error(request, f"The integration was not duplicated. {reasons}")
        return see_other("integration-edit", actor.organization.slug, integration_id)
    messages.success(request, f"Duplicated as {copy.name}")
    return see_other("integration-edit", actor.organization.slug, copy.id)
