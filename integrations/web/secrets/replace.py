"""*Replace everywhere*: choosing another secret, reviewing the changes, and replacing it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.common.texts import UNSTORABLE
from accounts.errors import FieldError, Invalid
from accounts.policy import Permission
from accounts.web.replies import see_other
from integrations.references.replace import replace_references
from integrations.references.uses import references_by_name, uses_of
from secrets_app.inventory import inventory
from secrets_app.inventory.rows import InventoryRow
from secrets_app.models import Secret

SHOWN_AT_MOST = 20
"""How many references the page lists; the page "Where used" shows them all."""


@require_http_methods(["GET", "POST"])
@requires(Permission.SECRETS_WRITE)
def replace(request: CofferRequest, actor: Actor, secret_id: UUID) -> HttpResponse:
    """GET shows the choice and its consequences; POST replaces the secret."""
    row = inventory.one(actor.organization, secret_id)
    sent = request.POST if request.method == "POST" else request.GET
    name = UNSTORABLE.sub("", sent.get("replacement", "")).strip()
    chosen = Secret.objects.of(actor.organization).filter(name=name).first() if name else None
    if request.method != "POST":
        return _page(request, actor, row, name, chosen, _problems(name, chosen, row) if name else [])
    problems = _problems(name, chosen, row)
    if problems or chosen is None:
        return _page(request, actor, row, name, chosen, problems)
    try:
        number = replace_references(actor=actor, secret_id=secret_id, replacement_id=chosen.id)
    except Invalid as refusal:
        return _page(request, actor, row, name, chosen, refusal.errors)
    messages.success(request, f"{number} integration{'' if number == 1 else 's'} now use{'s' * (number == 1)} {name}")
    return see_other("secret-where-used", actor.organization.slug, chosen.id)


def _problems(name: str, chosen: Secret | None, row: InventoryRow) -> list[FieldError]:
    if chosen is None:
        sentence = f"No secret is called {name}. Choose one from the list." if name else "Choose a secret."
    elif chosen.id == row.id:
        sentence = "This is the secret itself. Choose another secret."
    elif not chosen.enabled:
        sentence = f"The secret {name} is disabled. Enable it first, or choose another secret."
    else:
        return []
    return [FieldError("replacement", sentence)]


def _page(
    request: CofferRequest,
    actor: Actor,
    row: InventoryRow,
    name: str,
    chosen: Secret | None,
    errors: list[FieldError],
) -> HttpResponse:
    ready = chosen is not None and not errors
    domains = chosen.allowed_domains if chosen is not None and ready else []
    uses = uses_of(references_by_name(actor.organization, row.name, domains), domains)
    context: dict[str, Any] = {
        "secret": row,
        "replacement": name,
        "ready": ready,
        "suggestions_url": f"{reverse('secret-suggestions', args=[actor.organization.slug])}?enabled=1",
        "uses": uses,
        "shown": uses[:SHOWN_AT_MOST],
        "errors": errors,
    }
    return render(request, "integrations/replace.html", context, status=422 if errors else 200)
