"""The page of one held call: in full for those who decide, in outline for everybody else."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.errors import NotFound
from accounts.models import ApiKey
from accounts.people.organization_rules import approval_days
from accounts.policy import Permission
from accounts.web.replies import is_fragment
from integrations.approvals import reading
from integrations.approvals.outlines import asked_before, fetch_outline, made_today
from integrations.models import Approval, Integration
from integrations.web.approvals.context import counted
from integrations.web.approvals.shown import ShownCall, outline
from integrations.web.runs.rows import RunRow


@require_GET
@requires(Permission.APPROVALS_BROWSE)
def show(request: CofferRequest, actor: Actor, approval_id: UUID) -> HttpResponse:
    """Show a held call; for htmx, which asks while it waits, 204 until that changes."""
    try:
        approval = reading.fetch(actor, approval_id)
    except NotFound:
        context = {"call": outline(fetch_outline(actor, approval_id))}
        return _answer(request, "waiting", context)
    return _answer(request, "show", page_context(actor, approval))


def page_context(actor: Actor, approval: Approval) -> dict[str, Any]:
    """Return what the page of a held call shows to those who decide."""
    run = reading.run_of(approval)
    before, denied = asked_before(approval)
    call = ShownCall(reading.held_call(actor, approval))
    return {
        "call": call,
        "integration": Integration.objects.listed_for(actor).filter(pk=approval.integration_id).first(),
        "key": ApiKey.objects.filter(organization=actor.organization, pk=approval.principal_id).first()
        if approval.principal_id
        else None,
        "run": RunRow(run) if run else None,
        "before": before,
        "denied": denied,
        "today": counted(made_today(approval, call.now)),
        "keeps_days": approval_days(actor.organization),
        "may_read": actor.may(Permission.RUNS_READ),
    }


def _answer(request: CofferRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """Render the page, or, for htmx, its part once the call waits no longer."""
    if not is_fragment(request):
        return render(request, f"integrations/approvals/{template}.html", context)
    if context["call"].waits:
        return HttpResponse(status=204)
    return render(request, f"integrations/approvals/_{template}.html", context)
