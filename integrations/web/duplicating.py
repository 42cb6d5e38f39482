"""*Duplicate*: a copy of a saved integration, switched off."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.errors import Invalid
from accounts.policy import Permission
from accounts.web.replies import see_other
from integrations.editing import integrations


@require_POST
@requires(Permission.INTEGRATIONS_WRITE)
def duplicate(request: HttpRequest, actor: Actor, integration_id: UUID) -> HttpResponse:
    """Copy what was last saved and go to the copy; where that cannot be, back with the reasons."""
    try:
        copy = integrations.duplicate_integration(actor=actor, integration_id=integration_id)
    except Invalid as refusal:
        reasons = " ".join(error.message for error in refusal.errors)
        messages.error(request, f"It was not duplicated. {reasons}")
        return see_other("integration-edit", actor.organization.slug, integration_id)
    messages.success(request, f"Duplicated as {copy.name}")
    return see_other("integration-edit", actor.organization.slug, copy.id)
