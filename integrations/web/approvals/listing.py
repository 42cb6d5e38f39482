"""The lists of approvals: the calls that wait, with a part that polls, and those that were decided."""

from collections.abc import Iterable
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.audit.log import UUID_TEXT
from accounts.policy import Permission
from accounts.web.replies import is_fragment, see_other
from integrations.approvals import reading
from integrations.approvals.outlines import among, waiting_for_others
from integrations.approvals.reading import DECIDED, WAITING
from integrations.web.approvals.shown import ShownCall, outline


@require_GET
@requires(Permission.APPROVALS_BROWSE)
def index(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Show the calls that wait for the person, newest first; below them those that wait for somebody else."""
    page = reading.page(actor, WAITING, cursor=request.GET.get("cursor", ""))
    calls = [ShownCall(held) for held in reading.held_calls(actor, page.items)]
    context = {
        "calls": calls,
        "next_url": _next_url(request, page.next_cursor),
        "is_first": not request.GET.get("cursor"),
        "others": [] if actor.may(Permission.APPROVALS_DECIDE) else [outline(one) for one in waiting_for_others(actor)],
    }
    return render(request, "integrations/approvals/list.html", context)


@require_GET
@requires(Permission.APPROVALS_BROWSE)
def held(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Render what has changed since the cards in `shown` were rendered: new cards, times, and what was decided."""
    if not is_fragment(request):
        return see_other("approvals", actor.organization.slug)
    shown = _ids(request.GET.getlist("shown"))
    new = [approval for approval in reading.page(actor, WAITING).items if approval.pk not in shown]
    before = [ShownCall(one) for one in reading.held_calls(actor, among(actor, shown))]
    context = {
        "new": [ShownCall(one) for one in reading.held_calls(actor, new)],
        "still": [call for call in before if call.waits],
        "over": [call for call in before if not call.waits],
    }
    return render(request, "integrations/approvals/_changes.html", context)


@require_GET
@requires(Permission.APPROVALS_BROWSE)
def decided(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Show a page of the calls that wait no longer, newest first; only the list for htmx."""
    page = reading.page(actor, DECIDED, cursor=request.GET.get("cursor", ""))
    context = {
        "calls": [outline(approval) for approval in page.items],
        "next_url": _next_url(request, page.next_cursor),
        "is_first": not request.GET.get("cursor"),
    }
    template = "_decided" if is_fragment(request) else "decided"
    return render(request, f"integrations/approvals/{template}.html", context)


def _ids(texts: Iterable[str]) -> set[UUID]:
    return {UUID(text) for text in texts if UUID_TEXT.fullmatch(text)}


def _next_url(request: CofferRequest, cursor: str | None) -> str:
    return f"{request.path}?{urlencode({'cursor': cursor})}" if cursor else ""
