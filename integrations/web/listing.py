"""The list of integrations: with states and secrets for those who may read them, otherwise names and descriptions."""

from itertools import groupby
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.policy import Permission
from accounts.web.replies import is_fragment
from integrations.health.states import STATES
from integrations.kinds import KINDS
from integrations.models import Integration
from integrations.readiness import overview


@require_GET
@requires(Permission.INTEGRATIONS_BROWSE)
def index(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Show a page of the list; only the list for htmx."""
    may_read, cursor = actor.may(Permission.INTEGRATIONS_READ), request.GET.get("cursor", "")
    filters = _filters(request, may_read)
    chosen = {"q": filters.text, "state": filters.state, "kind": filters.kind, "uses": str(filters.uses or "")}
    page: Any = (overview.page if may_read else overview.catalog)(actor, filters, cursor=cursor)
    context = {
        "groups": _groups(page.items),
        "filtered": any(chosen.values()),
        "can_manage": may_read,
        "kinds": list(KINDS.values()),
        "filters": chosen,
        "uses": Integration.objects.visible_to(actor).filter(pk=filters.uses).only("name").first()
        if filters.uses
        else None,
        "next_url": _next_url(request, chosen, page.next_cursor),
    }
    if is_fragment(request):
        return render(request, "integrations/_list.html", context)
    if may_read:
        context["counts"] = _counts(actor) if overview.count(actor) <= overview.COUNTED_AT_ONCE else None
    return render(request, "integrations/list.html", context)


@require_GET
@requires(Permission.INTEGRATIONS_READ)
def counts(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Return the number of integrations by state, which pages of large organizations load afterwards."""
    return render(request, "integrations/_counts.html", {"counts": _counts(actor)})


def _counts(actor: Actor) -> dict[str, str]:
    """Return the counts as text: `500+` where only the first integrations were counted."""
    more = "+" if overview.count(actor) > overview.COUNTED_AT_MOST else ""
    return {state: f"{number:,}{more}" for state, number in overview.counts(actor).items()}


def _filters(request: CofferRequest, may_read: bool) -> overview.IntegrationFilters:
    """Read the filters. Unknown values do not filter, nor does a state that the person may not see."""
    state, kind = request.GET.get("state", ""), request.GET.get("kind", "")
    return overview.IntegrationFilters(
        text=request.GET.get("q", "").replace("\0", "").strip(),
        state=state if may_read and state in STATES else "",
        kind=kind if kind in KINDS else "",
        uses=_uses(request) if may_read else None,
    )


def _uses(request: CofferRequest) -> UUID | None:
    try:
        return UUID(request.GET.get("uses", ""))
    except ValueError:
        return None


def _groups(rows: list[Any]) -> list[dict[str, Any]]:
    """Group rows, which are ordered by kind, under the headings of their kinds."""
    return [
        {"label": KINDS[key].plural, "icon": KINDS[key].icon, "rows": list(found)}
        for key, found in groupby(rows, key=lambda row: row.kind)
    ]


def _next_url(request: CofferRequest, chosen: dict[str, str], cursor: str | None) -> str:
    kept = {name: value for name, value in chosen.items() if value}
    return f"{request.path}?{urlencode(kept | {'cursor': cursor})}" if cursor else ""


@require_GET
@requires(Permission.INTEGRATIONS_READ)
def menu(request: CofferRequest, actor: Actor, integration_id: UUID) -> HttpResponse:
    """Render the menu of a row, which is loaded when it opens."""
    integration = Integration.objects.fetch(actor, integration_id)
    return render(request, "integrations/_menu.html", {"integration": integration})
