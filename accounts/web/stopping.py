"""Pages that stop all agents of an organization and start them again."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.access.step_up import Proof
from accounts.actors import Actor
from accounts.errors import FieldError, Invalid
from accounts.people import stopping
from accounts.policy import Permission
from accounts.web.replies import is_fragment, see_other


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.AGENTS_STOP)
def stop(request: CofferRequest, actor: Actor) -> HttpResponse:
    """GET shows the question; POST stops all agents. It asks for no proof: it has to be quick, and can be undone."""
    errors: list[FieldError] = []
    if request.method == "POST":
        try:
            stopping.stop_agents(actor=actor, why=request.POST.get("why", ""))
        except Invalid as refusal:
            errors = refusal.errors
        else:
            messages.success(request, "Stopped all agents")
            return see_other("api-keys", actor.organization.slug)
    template = "_stop_dialog" if is_fragment(request) else "stop"
    context = {"errors": errors, "why": request.POST.get("why", "")}
    return render(request, f"accounts/{template}.html", context, status=422 if errors else 200)


@require_POST
@requires(Permission.AGENTS_START, proof=Proof.ACT)
def start(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Start all agents again."""
    stopping.start_agents(actor=actor)
    messages.success(request, "All agents may call again")
    return see_other("api-keys", actor.organization.slug)
