"""Deciding on a held call: approve it once, approve its operation for a while, or deny it."""

import re
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.access.step_up import Proof, missing_proof
from accounts.actors import Actor
from accounts.errors import FieldError, Invalid, Refusal
from accounts.policy import Permission
from accounts.web.replies import is_fragment, see_other
from integrations.approvals import deciding, reading
from integrations.errors import AlreadyDecided, ApprovalExpired, ApprovalMismatch
from integrations.models import Approval
from integrations.web.approvals.showing import page_context
from integrations.web.approvals.shown import ShownCall

TOO_LATE = (AlreadyDecided, ApprovalExpired, ApprovalMismatch)
MINUTES = re.compile(r"[0-9]{1,5}\Z", re.ASCII)


@require_POST
@requires(Permission.APPROVALS_BROWSE)
def approve(request: CofferRequest, actor: Actor, approval_id: UUID) -> HttpResponse:
    """Approve this call, once. On a list, htmx gets the card of the call as it is now."""
    try:
        approval = deciding.approve(actor=actor, approval_id=approval_id)
    except TOO_LATE as refusal:
        return _conflict(request, actor, approval_id, refusal)
    if is_fragment(request):
        return _card(request, actor, approval)
    messages.success(request, f"Approved {approval.name} once")
    return see_other("approval", actor.organization.slug, approval.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.APPROVALS_BROWSE)
def allow(request: CofferRequest, actor: Actor, approval_id: UUID) -> HttpResponse:
    """GET asks for how long; POST lets the caller make any calls of the operation until then."""
    approval = reading.fetch(actor, approval_id)
    if request.method != "POST":
        missing = missing_proof(request, Proof.ACT) if approval.needs_proof else None
        return missing or _dialog(request, "allow", approval, {"minutes": str(approval.most_minutes)})
    typed = request.POST.get("minutes", "").strip()
    try:
        deciding.approve(actor=actor, approval_id=approval_id, minutes=int(typed) if MINUTES.match(typed) else 0)
    except Invalid as refusal:
        return _dialog(request, "allow", approval, {"minutes": typed, "errors": refusal.errors})
    except TOO_LATE as refusal:
        return _conflict(request, actor, approval_id, refusal)
    messages.success(request, f"Approved {approval.name} for {typed} min")
    return see_other("approval", actor.organization.slug, approval_id)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.APPROVALS_BROWSE)
def deny(request: CofferRequest, actor: Actor, approval_id: UUID) -> HttpResponse:
    """GET asks for a note; POST denies the call. Its caller reads the note."""
    approval = reading.fetch(actor, approval_id)
    note = request.POST.get("note", "")
    if request.method != "POST":
        return _dialog(request, "deny", approval, {})
    try:
        deciding.deny(actor=actor, approval_id=approval_id, note=note)
    except Invalid as refusal:
        return _dialog(request, "deny", approval, {"note": note, "errors": refusal.errors})
    except TOO_LATE as refusal:
        return _conflict(request, actor, approval_id, refusal, note)
    messages.success(request, f"Denied {approval.name}")
    return see_other("approvals", actor.organization.slug)


def _dialog(request: CofferRequest, name: str, approval: Approval, values: dict[str, Any]) -> HttpResponse:
    call = ShownCall(reading.held_call(request.actor, approval))
    errors: list[FieldError] = values.setdefault("errors", [])
    template = f"_{name}_dialog" if is_fragment(request) else name
    status = Invalid.status if errors else 200
    return render(request, f"integrations/approvals/{template}.html", values | {"call": call}, status=status)


def _card(request: CofferRequest, actor: Actor, approval: Approval, refusal: Refusal | None = None) -> HttpResponse:
    """Render the card of a call, and the numbers of what waits."""
    context = {"call": ShownCall(reading.held_call(actor, approval)), "refusal": refusal}
    status = refusal.status if refusal else 200
    return render(request, "integrations/approvals/_answer.html", context, status=status)


def _conflict(
    request: CofferRequest, actor: Actor, approval_id: UUID, refusal: Refusal, note: str = ""
) -> HttpResponse:
    """Show the call as it is now, with why the decision came too late, and the note that was typed."""
    approval = reading.fetch(actor, approval_id)
    if is_fragment(request):
        return _card(request, actor, approval, refusal)
    context = page_context(actor, approval) | {"refusal": refusal, "note": note}
    return render(request, "integrations/approvals/show.html", context, status=refusal.status)
