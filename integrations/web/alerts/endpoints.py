"""Pages of endpoints: the overview of alerts, creating and changing one, its own page and what can be done there."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.access.step_up import Proof
from accounts.actors import Actor
from accounts.errors import EditConflict, FieldError, Invalid, NotFound
from accounts.policy import Permission
from accounts.web.replies import is_fragment, see_other
from integrations.alerts import endpoints, shown
from integrations.alerts.choices import KINDS
from integrations.alerts.events import GROUPS, in_group
from integrations.models import AlertEndpoint, EndpointKind
from integrations.web.forms import alert as forms

PER_PAGE = 50


@require_GET
@requires(Permission.ALERTS_READ)
def index(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Show who hears of what, and where events are sent."""
    channels, hooks = shown.rows_of(actor)
    context = {"channels": channels, "hooks": hooks, "matrix": shown.matrix(channels), "kinds": KINDS.items()}
    return render(request, "integrations/alerts/index.html", context)


@require_POST
@requires(Permission.ALERTS_WRITE, proof=Proof.ACT)
def choose(request: CofferRequest, actor: Actor, endpoint_id: UUID, number: int) -> HttpResponse:
    """Tell a channel of the events of a row, or not any more."""
    if number >= len(GROUPS):
        raise NotFound("There is no such row.")
    names = [event_type.name for event_type in in_group(GROUPS[number])]
    endpoints.choose_event(actor=actor, endpoint_id=endpoint_id, names=names, wanted="on" in request.POST)
    return HttpResponse(status=204) if is_fragment(request) else see_other("alerts", actor.organization.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(Permission.ALERTS_WRITE, proof=Proof.PAGE)
def new(request: CofferRequest, actor: Actor, kind: str) -> HttpResponse:
    """GET shows the form; POST creates the endpoint and offers its signing secret, which is never shown again."""
    chosen = _kind(kind)
    if request.method != "POST":
        return _form(request, chosen, forms.blank(chosen))
    values = forms.read(request.POST)
    try:
        endpoint, secret = endpoints.create_endpoint(actor=actor, fields=forms.fields_of(chosen, values))
    except Invalid as refusal:
        return _form(request, chosen, forms.shown_again(values), errors=refusal.errors, status=refusal.status)
    if not secret:
        messages.success(request, f"{endpoint.name} is told from now on")
        return see_other("alerts", actor.organization.slug)
    context = {"row": shown.row_of(endpoint), "once": secret, "is_new": True}
    return render(request, "integrations/alerts/created.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.ALERTS_WRITE, proof=Proof.PAGE)
def edit(request: CofferRequest, actor: Actor, endpoint_id: UUID) -> HttpResponse:
    """GET shows the form; POST changes the endpoint."""
    endpoint = endpoints.find_endpoint(actor=actor, endpoint_id=endpoint_id)
    kind = EndpointKind(endpoint.kind)
    if request.method != "POST":
        return _form(request, kind, forms.stored(endpoint), endpoint)
    values = forms.read(request.POST)
    try:
        endpoints.change_endpoint(
            actor=actor,
            endpoint_id=endpoint_id,
            fields=forms.fields_of(kind, values),
            version=forms.version_of(values),
        )
    except (Invalid, EditConflict) as refusal:
        errors = refusal.errors or [FieldError("", refusal.detail)]
        return _form(request, kind, forms.shown_again(values), endpoint, errors=errors, status=refusal.status)
    messages.success(request, f"Saved {endpoint.name}")
    return see_other("webhook", actor.organization.slug, endpoint_id)


@require_GET
@requires(Permission.ALERTS_READ)
def show(request: CofferRequest, actor: Actor, endpoint_id: UUID) -> HttpResponse:
    """Show an endpoint and a page of its deliveries; only those for htmx."""
    endpoint = endpoints.find_endpoint(actor=actor, endpoint_id=endpoint_id)
    waiting = request.GET.get("state") == "waiting"
    found = shown.deliveries(endpoint, waiting=waiting, cursor=request.GET.get("cursor", ""), limit=PER_PAGE)
    kept = {"state": "waiting"} if waiting else {}
    context = {
        "row": shown.row_of(endpoint),
        "deliveries": found.items,
        "only_waiting": waiting,
        "next_url": f"{request.path}?{urlencode(kept | {'cursor': found.next_cursor})}" if found.next_cursor else "",
    }
    template = "_deliveries" if is_fragment(request) else "show"
    return render(request, f"integrations/alerts/{template}.html", context)


@require_POST
@requires(Permission.ALERTS_WRITE)
def test(request: CofferRequest, actor: Actor, endpoint_id: UUID) -> HttpResponse:
    """Send a test event."""
    delivery = endpoints.send_test(actor=actor, endpoint_id=endpoint_id)
    messages.success(request, f"A test event waits for {delivery.endpoint.name}")
    return see_other("delivery", actor.organization.slug, endpoint_id, delivery.pk)


@require_POST
@requires(Permission.ALERTS_WRITE)
def pause(request: CofferRequest, actor: Actor, endpoint_id: UUID) -> HttpResponse:
    """Stop deliveries."""
    endpoint = endpoints.pause_endpoint(actor=actor, endpoint_id=endpoint_id)
    messages.success(request, f"Paused {endpoint.name}; what happens is kept")
    return see_other("webhook", actor.organization.slug, endpoint_id)


@require_POST
@requires(Permission.ALERTS_WRITE, proof=Proof.ACT)
def resume(request: CofferRequest, actor: Actor, endpoint_id: UUID) -> HttpResponse:
    """Deliver again, at once."""
    endpoint = endpoints.resume_endpoint(actor=actor, endpoint_id=endpoint_id)
    messages.success(request, f"{endpoint.name} gets what was kept, in order")
    return see_other("webhook", actor.organization.slug, endpoint_id)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(Permission.ALERTS_WRITE, proof=Proof.PAGE)
def secret(request: CofferRequest, actor: Actor, endpoint_id: UUID) -> HttpResponse:
    """GET asks; POST replaces the signing secret and offers the new one, which is never shown again."""
    if request.method != "POST":
        endpoint = endpoints.find_endpoint(actor=actor, endpoint_id=endpoint_id)
        if not EndpointKind(endpoint.kind).is_signed:
            raise NotFound("This endpoint signs nothing.")
        return render(request, "integrations/alerts/secret.html", {"row": shown.row_of(endpoint)})
    endpoint, text = endpoints.replace_secret(actor=actor, endpoint_id=endpoint_id)
    context = {"row": shown.row_of(endpoint), "once": text, "is_new": False}
    return render(request, "integrations/alerts/created.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.ALERTS_WRITE)
def delete(request: CofferRequest, actor: Actor, endpoint_id: UUID) -> HttpResponse:
    """GET asks, and says what is lost; POST deletes the endpoint."""
    if request.method == "POST":
        endpoint = endpoints.delete_endpoint(actor=actor, endpoint_id=endpoint_id)
        messages.success(request, f"Deleted {endpoint.name}")
        return see_other("alerts", actor.organization.slug)
    row = shown.row_of(endpoints.find_endpoint(actor=actor, endpoint_id=endpoint_id))
    template = "_delete_dialog" if is_fragment(request) else "delete"
    return render(request, f"integrations/alerts/{template}.html", {"row": row})


def _kind(text: str) -> EndpointKind:
    try:
        return EndpointKind(text)
    except ValueError:
        raise NotFound("There is no such kind of endpoint.") from None


def _form(
    request: CofferRequest,
    kind: EndpointKind,
    values: dict[str, Any],
    endpoint: AlertEndpoint | None = None,
    *,
    errors: list[FieldError] | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "kind": kind,
        "kind_in_words": KINDS[kind],
        "values": values,
        "errors": errors or [],
        "endpoint": endpoint,
        "choices": shown.event_choices(values["events"]),
    }
    return render(request, "integrations/alerts/form.html", context, status=status)
