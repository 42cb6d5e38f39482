"""Pages that stop the agent of an API key and start it again. A revocation is for good; a stop is not."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access.api_keys import find_api_key
from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.access.step_up import Proof
from accounts.access.suspension import lift_suspension
from accounts.access.suspension import stop_agent as stop_agent_of
from accounts.actors import Actor
from accounts.errors import FieldError, Invalid
from accounts.policy import Permission
from accounts.web.replies import is_fragment, see_other
from integrations.readiness import api_keys


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.API_KEYS_REVOKE)
def stop_agent(request: CofferRequest, actor: Actor, key_id: UUID) -> HttpResponse:
    """GET shows the question, with what stops; POST stops the key and its sessions until somebody starts them again."""
    errors: list[FieldError] = []
    if request.method == "POST":
        try:
            key = stop_agent_of(actor=actor, key_id=key_id, why=request.POST.get("why", ""))
        except Invalid as refusal:
            errors = refusal.errors
        else:
            messages.success(request, f"Stopped {key.name}")
            return see_other("api-key", actor.organization.slug, key.pk)
    context = {
        "key": api_keys.rows_of(actor, [find_api_key(actor=actor, key_id=key_id)])[0],
        "calls": api_keys.calls_under_way(actor, key_id),
        "errors": errors,
        "why": request.POST.get("why", ""),
    }
    template = "_stop_dialog" if is_fragment(request) else "stop"
    return render(request, f"integrations/api_keys/{template}.html", context, status=422 if errors else 200)


@require_POST
@requires(Permission.API_KEYS_CREATE, proof=Proof.ACT)
def lift(request: CofferRequest, actor: Actor, key_id: UUID) -> HttpResponse:
    """Lift the suspension of a key, whether a person stopped it or the values among its arguments did."""
    key = lift_suspension(actor=actor, key_id=key_id)
    messages.success(request, f"{key.name} may make calls again")
    return see_other("api-keys", actor.organization.slug)
