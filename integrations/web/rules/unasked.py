"""Destructive operations that nobody is asked about: a page, and a part of *Hygiene*."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.policy import Permission
from accounts.web.replies import is_fragment
from integrations.attention.unasked import SHOWN_AT_MOST, unasked_operations


@require_GET
@requires(Permission.INTEGRATIONS_READ)
def index(request: CofferRequest, actor: Actor) -> HttpResponse:
    """List the operations; only the list for htmx."""
    found = unasked_operations(actor)
    template = "integrations/rules/_unasked.html" if is_fragment(request) else "integrations/rules/unasked.html"
    return render(request, template, {"unasked": found, "is_all": len(found) < SHOWN_AT_MOST})
