"""The tab "Activity" of a secret: its entries of the audit log."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.audit.trail import Outcome
from accounts.policy import Permission
from accounts.web.audit import listed
from accounts.web.replies import is_fragment
from secrets_app.inventory import inventory


@require_GET
@requires(Permission.AUDIT_READ)
def activity(request: CofferRequest, actor: Actor, secret_id: UUID) -> HttpResponse:
    """Show one page; htmx gets only the list."""
    row, outcome = inventory.one(actor.organization, secret_id), request.GET.get("outcome", "")
    chosen = {"outcome": outcome if outcome in set(Outcome) else ""}
    log_url = reverse("audit", args=[actor.organization.slug])
    context = listed(request, actor, chosen | {"target": str(secret_id)}, log_url=log_url)
    context |= {"secret": row, "tab": "activity", "is_filtered": bool(chosen["outcome"])}
    context["outcomes"] = [("", "All"), *((each.value, each.label) for each in Outcome)]
    template = "accounts/_audit_log.html" if is_fragment(request) else "integrations/secrets/activity.html"
    return render(request, template, context, status=context["refusal"].status if context["refusal"] else 200)
