"""Enabling and disabling secrets. Disabling what is in use asks first, and names what stops; both can be undone."""

from urllib.parse import urlsplit
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.errors import FieldError, Invalid
from accounts.policy import Permission
from accounts.web.replies import SeeOther, Undo, ask, is_fragment, with_undo
from integrations.references.stopping import Stops, stopped_by_secrets
from secrets_app.editing import secrets
from secrets_app.inventory import inventory
from secrets_app.models import Secret
from secrets_app.web.listing import list_address

NAMED_AT_MOST = 3


@require_POST
@requires(Permission.SECRETS_WRITE)
def enable(request: CofferRequest, actor: Actor, secret_id: UUID) -> HttpResponse:
    """Enable a secret."""
    return _switched(request, actor, secrets.set_enabled(actor=actor, secret_id=secret_id, enabled=True))


@require_POST
@requires(Permission.SECRETS_DISABLE)
def disable(request: CofferRequest, actor: Actor, secret_id: UUID) -> HttpResponse:
    """Disable a secret, or ask first if integrations stop."""
    url = reverse("secret-disable", args=[actor.organization.slug, secret_id])
    chosen, stops = _enabled_of(actor, [secret_id])
    if stops.all and "sure" not in request.POST:
        return _question(request, chosen, stops, url)
    secret = secrets.set_enabled(actor=actor, secret_id=secret_id, enabled=False)
    return _switched(request, actor, secret, _stopped_in_words(stops))


@require_POST
@requires(Permission.SECRETS_DISABLE)
def switch(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Enable or disable the chosen secrets in one transaction, and return to the same page of the list."""
    act, picked = request.POST.get("act"), _picked(request)
    if act not in {"enable", "disable"}:
        raise Invalid("Choose what to do.", errors=[FieldError("act", "Enable or disable the chosen secrets.")])
    url = reverse("secrets-switch", args=[actor.organization.slug])
    chosen, stops = _enabled_of(actor, picked if act == "disable" else [])
    if stops.all and "sure" not in request.POST:
        return _question(request, chosen, stops, url)
    done = secrets.set_all_enabled(actor=actor, secret_ids=picked, enabled=act == "enable")
    fields = [("act", "disable" if act == "enable" else "enable"), ("back", request.POST.get("back", ""))]
    undo = Undo(url, [*fields, *(("pick", str(secret.pk)) for secret in done)]) if done else None
    words = _in_words([secret.name for secret in done]) or f"nothing: all of them were {act}d already"
    with_undo(request, f"{act.capitalize()}d {words}{_stopped_in_words(stops)}", undo)
    return _to_list(request, actor)


def _picked(request: CofferRequest) -> list[UUID]:
    """Return the chosen ids. Raises Invalid if there are none, or one is malformed."""
    try:
        picked = [UUID(text) for text in request.POST.getlist("pick")]
    except ValueError:
        picked = []
    if not picked:
        raise Invalid("Choose at least one secret.", errors=[FieldError("pick", "Choose at least one secret.")])
    return picked


def _enabled_of(actor: Actor, secret_ids: list[UUID]) -> tuple[list[Secret], Stops]:
    """Return those of these secrets that are enabled, and what stops when they are not."""
    chosen = list(Secret.objects.of(actor.organization).filter(pk__in=secret_ids, enabled=True).order_by("name"))
    return chosen, stopped_by_secrets(actor.organization, [secret.pk for secret in chosen])


def _question(request: CofferRequest, chosen: list[Secret], stops: Stops, url: str) -> HttpResponse:
    """Ask whether these secrets are to be disabled, naming what stops."""
    back = request.POST.get("back", "") or urlsplit(request.headers.get("HX-Current-URL", "")).query
    context = {"secrets": chosen, "names": _in_words([secret.name for secret in chosen]), "stops": stops, "url": url}
    context |= {"back": back, "act": request.POST.get("act", "")}
    return ask(request, "integrations/secrets/disable.html", "integrations/secrets/_disable_dialog.html", context)


def _switched(request: CofferRequest, actor: Actor, secret: Secret, more: str = "") -> HttpResponse:
    slug = actor.organization.slug
    opposite = reverse("secret-disable" if secret.enabled else "secret-enable", args=[slug, secret.pk])
    said = f"{'Enabled' if secret.enabled else 'Disabled'} {secret.name}{more}"
    undo = Undo(opposite, [("back", request.POST.get("back", ""))])
    if not is_fragment(request):
        with_undo(request, said, undo)
        return _to_list(request, actor)
    context = {"secret": inventory.one(actor.organization, secret.pk), "said": said, "undo": undo}
    response = render(request, "integrations/secrets/_switched.html", context)
    response.headers["HX-Trigger"] = "counts"
    return response


def _to_list(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Return to the page of the list that the person came from."""
    address = list_address(actor.organization.slug, request.POST.get("back", ""))
    return HttpResponse(status=204, headers={"HX-Redirect": address}) if request.htmx else SeeOther(address)


def _stopped_in_words(stops: Stops) -> str:
    number = len(stops.all)
    return f", {number} integration{'' if number == 1 else 's'} stopped" if number else ""


def _in_words(names: list[str]) -> str:
    more = len(names) - NAMED_AT_MOST
    words = ", ".join(names[:NAMED_AT_MOST])
    return f"{words} and {more} more" if more > 0 else words
