"""*Check*: running the harmless check of a saved integration."""

from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.errors import FieldError
from accounts.policy import Permission
from accounts.web.replies import is_fragment
from integrations.broker import checking
from integrations.exchange.steps import FAILED, Step
from integrations.models import Integration
from integrations.readiness import overview
from integrations.web import editor
from integrations.web.editing import NotSaved, save_first, tell_saved

NO_ENVIRONMENT = "Choose an environment to check in: Development, Staging or Production."


@require_POST
@requires(Permission.INTEGRATIONS_RUN)
def check(request: CofferRequest, actor: Actor, integration_id: UUID) -> HttpResponse:
    """Run the check with the values of one environment, and show its steps."""
    integration = Integration.objects.fetch(actor, integration_id)
    integration.organization = actor.organization
    environment = next((item for item in Environment if item.value == request.POST.get("environment")), None)
    if environment is None:
        errors = [FieldError("check_environment", NO_ENVIRONMENT)]
        return editor.page(request, actor, integration.kind, integration=integration, errors=errors, status=422)
    try:
        saved = save_first(request, actor, integration)
    except NotSaved as refusal:
        step = Step("save", FAILED, refusal.code, refusal.detail)
        return render(request, "integrations/_check_answer.html", {"steps": [step]}, status=refusal.status)
    context: dict[str, Any] = {"steps": async_to_sync(checking.check)(actor, integration_id, environment)}
    if is_fragment(request):
        context |= {"integration": overview.one(actor, integration_id), "saved": saved}
        return tell_saved(render(request, "integrations/_check_answer.html", context), saved)
    return editor.page(request, actor, integration.kind, integration=integration, checked_in=environment, **context)
