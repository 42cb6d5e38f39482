"""Pages of requests for secrets: the list, the form, and the dialog that dismisses a request."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.errors import FieldError, Invalid, Refusal
from accounts.policy import Permission
from accounts.web.replies import is_fragment
from secrets_app.errors import RequestAnswered, TooManyRequests
from secrets_app.naming.names import problem_with_name, propose_name
from secrets_app.requests import listing
from secrets_app.requests.answering import ask, dismiss, problem_with_requested_name

NONE_CHOSEN: dict[str, Any] = {"name": "", "why": "", "environments": []}


@require_GET
@requires(Permission.SECRETS_ASK)
def index(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Show a page of requests; htmx gets a fragment."""
    may_answer = actor.may(Permission.SECRETS_WRITE)
    state = request.GET.get("state", listing.OPEN if may_answer else "")
    page = listing.page(actor, state, cursor=request.GET.get("cursor", ""))
    next_url = f"{request.path}?{urlencode({'state': state, 'cursor': page.next_cursor})}" if page.next_cursor else ""
    context = {
        "requests": page.items,
        "state": state,
        "may_answer": may_answer,
        "next_url": next_url,
        "is_first": not request.GET.get("cursor"),
    }
    return render(request, f"secrets_app/requests/{'_list' if is_fragment(request) else 'list'}.html", context)


@require_http_methods(["GET", "POST"])
@requires(Permission.SECRETS_ASK)
def new(request: CofferRequest, actor: Actor) -> HttpResponse:
    """GET shows the form; POST sends the request to owners and admins."""
    if request.method == "GET":
        return _form(request, actor, NONE_CHOSEN)
    chosen = request.POST.getlist("environments")
    wanted = [environment for environment in Environment if environment.value in chosen]
    name, why = request.POST.get("name", ""), request.POST.get("why", "")
    values = {"name": name, "why": why, "environments": wanted}
    try:
        made = ask(actor=actor, name=name, environments=wanted, why=why)
    except (Invalid, TooManyRequests) as refusal:
        return _form(request, actor, values, refusal)
    messages.success(request, f"Asked for {made.name}")
    return redirect("secret-requests", actor.organization.slug)


@require_POST
@requires(Permission.SECRETS_ASK)
def check_name(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Show whether this name can be requested, and propose a valid name if it is not valid."""
    context = {"name_check": _name_check(actor, request.POST.get("name", ""))}
    return render(request, "secrets_app/requests/_name_check.html", context)


@require_http_methods(["GET", "POST"])
@requires(Permission.SECRETS_WRITE)
def dismiss_request(request: CofferRequest, actor: Actor, request_id: UUID) -> HttpResponse:
    """GET shows the dialog that asks for a reason; POST dismisses the request."""
    found = listing.fetch(actor, request_id)
    if request.method == "GET":
        return _dialog(request, found)
    try:
        dismiss(actor=actor, request_id=request_id, reason=request.POST.get("reason", ""))
        messages.success(request, f"Dismissed the request for {found.name}")
    except Invalid as refusal:
        return _dialog(request, found, refusal)
    except RequestAnswered as refusal:
        messages.warning(request, refusal.detail)
    return redirect("secret-requests", actor.organization.slug)


def _form(request: CofferRequest, actor: Actor, values: dict[str, Any], refusal: Refusal | None = None) -> HttpResponse:
    context = {
        "values": values,
        "environments": list(Environment),
        "errors": (refusal.errors or [FieldError("", refusal.detail)]) if refusal else [],
        "name_check": _name_check(actor, values["name"]) if values["name"] else None,
    }
    return render(request, "secrets_app/requests/new.html", context, status=refusal.status if refusal else 200)


def _name_check(actor: Actor, name: str) -> dict[str, str]:
    return {
        "problem": problem_with_requested_name(actor.organization, name),
        "proposal": propose_name(name) if problem_with_name(name) else "",
    }


def _dialog(request: CofferRequest, found: listing.SecretRequest, refusal: Invalid | None = None) -> HttpResponse:
    template = "_dismiss_dialog" if request.htmx else "dismiss"
    context = {"wanted": found, "errors": refusal.errors if refusal else []}
    status = refusal.status if refusal else 200
    return render(request, f"secrets_app/requests/{template}.html", context, status=status)
