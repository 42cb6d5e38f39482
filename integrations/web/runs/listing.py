"""The list of runs with its filters in the address, its files, and the same list as a tab of what it is about."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.access.api_keys import find_api_key
from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.access.step_up import Proof
from accounts.actors import Actor
from accounts.api.files import Format
from accounts.common.paging import Page
from accounts.errors import Invalid
from accounts.people.organization_rules import run_days
from accounts.policy import Permission
from accounts.web.replies import is_fragment
from integrations.api.run_export import streamed
from integrations.kinds import KINDS
from integrations.models import Run
from integrations.readiness import overview
from integrations.runs import reading
from integrations.runs.reading import NEW_AT_MOST, RunFilters
from integrations.tools.overview import counts_of, kept_tools
from integrations.web.runs.filters import choices, chosen_filters, read_filters
from integrations.web.runs.rows import RunRow
from secrets_app.inventory import inventory

ROWS_PER_PAGE = 50
LARGEST_NUMBER = 10**9


@require_GET
@requires(Permission.RUNS_READ)
def index(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Show a page of the runs; only the list for htmx."""
    return run_list(request, actor, "integrations/runs/list.html", {})


@require_GET
@requires(Permission.RUNS_READ)
def of_integration(request: CofferRequest, actor: Actor, integration_id: UUID) -> HttpResponse:
    """Show the runs of an integration."""
    row = overview.one(actor, integration_id)
    kind = KINDS[row.kind]
    about = {"integration": row, "kind": kind, "offers_tools": bool(kind.tools_operation)}
    if kind.tools_operation:
        about["tool_counts"] = counts_of(kept_tools(row.id))
    fixed = {"integration": str(row.id)}
    return run_list(request, actor, "integrations/runs/of_integration.html", fixed, about)


@require_GET
@requires(Permission.RUNS_READ)
def of_secret(request: CofferRequest, actor: Actor, secret_id: UUID) -> HttpResponse:
    """Show the runs that used a secret."""
    row = inventory.one(actor.organization, secret_id)
    return run_list(
        request, actor, "integrations/runs/of_secret.html", {"secret": str(row.id)}, {"secret": row, "tab": "runs"}
    )


@require_GET
@requires(Permission.RUNS_READ)
def of_key(request: CofferRequest, actor: Actor, key_id: UUID) -> HttpResponse:
    """Show the runs of an API key and of its sessions."""
    key = find_api_key(actor=actor, key_id=key_id)
    return run_list(request, actor, "integrations/runs/of_key.html", {"caller": str(key.pk)}, {"key": key})


@require_GET
@requires(Permission.RUNS_READ)
def newer(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Render how many runs are newer than those on the page; 204 while there are none."""
    chosen = chosen_filters(request, {})
    number = reading.count_newer(actor, read_filters(chosen), request.GET.get("after", ""))
    if not number:
        return HttpResponse(status=204)
    more = f"{NEW_AT_MOST}+" if number > NEW_AT_MOST else str(number)
    address = _local(request.GET.get("back", ""), reverse("runs", args=[actor.organization.slug]))
    context = {"number": more, "is_one": number == 1, "url": address}
    return render(request, "integrations/runs/_newer.html", context)


@require_GET
@requires(Permission.RUNS_READ, proof=Proof.ACT)
def as_csv(request: CofferRequest, actor: Actor) -> StreamingHttpResponse:
    """GET streams the filtered runs as CSV."""
    return streamed(request, actor, read_filters(chosen_filters(request, {})), Format.CSV)


@require_GET
@requires(Permission.RUNS_READ, proof=Proof.ACT)
def as_json_lines(request: CofferRequest, actor: Actor) -> StreamingHttpResponse:
    """GET streams the filtered runs as JSON Lines."""
    return streamed(request, actor, read_filters(chosen_filters(request, {})), Format.JSON_LINES)


def run_list(
    request: CofferRequest, actor: Actor, template: str, fixed: dict[str, str], about: dict[str, Any] | None = None
) -> HttpResponse:
    """Render a page of runs.

    Args:
        fixed: filters that the page is about, so that it does not offer them.
        about: what else the template shows; htmx gets the list without it.
    """
    chosen, refusal = chosen_filters(request, fixed), None
    context: dict[str, Any] = {"filters": chosen, "fixed": fixed, "is_fragment": is_fragment(request)}
    try:
        context |= _page(request, actor, chosen, read_filters(chosen), fixed)
    except Invalid as refused:
        refusal = context["refusal"] = refused
    status = refusal.status if refusal else 200
    if is_fragment(request):
        return render(request, "integrations/runs/_runs.html", context, status=status)
    context |= choices(actor, chosen, fixed) | (about or {})
    return render(request, template, context, status=status)


def _page(
    request: CofferRequest, actor: Actor, chosen: dict[str, str], filters: RunFilters, fixed: dict[str, str]
) -> dict[str, Any]:
    """Return the rows with their place in the list, and the addresses of what is beside them."""
    older, newer_than = request.GET.get("cursor", ""), request.GET.get("newer", "")
    found = reading.page(actor, filters, cursor=newer_than or older, limit=ROWS_PER_PAGE, newer=bool(newer_than))
    kept = {name: value for name, value in chosen.items() if value and name not in fixed}
    before = _number(request) if older or newer_than else 0
    number = reading.count(actor, filters)
    return {
        "rows": [RunRow(run) for run in found.items],
        "is_filtered": bool(kept),
        "is_first": not older and not newer_than,
        "keeps_days": run_days(actor.organization),
        "first": before + 1,
        "last": before + len(found.items),
        "number": min(number, filters.counted_at_most),
        "is_more": number > filters.counted_at_most,
        "query": _query({**kept, **fixed}),
        "list_url": f"{request.path}?{_query(kept)}".rstrip("?"),
        "after": reading.position_of(found.items[0]) if found.items else "",
        "newer_url": _newer_url(request, kept, found, before),
        "older_url": _older_url(request, kept, found, before),
    }


def _newer_url(request: CofferRequest, kept: dict[str, str], found: Page[Run], before: int) -> str:
    """Return the address of the page before; of the first page, if that is it. Empty on the first page."""
    if not before:
        return ""
    if before <= ROWS_PER_PAGE or not found.items:
        return f"{request.path}?{_query(kept)}".rstrip("?")
    place = {"newer": reading.position_of(found.items[0]), "n": str(before - ROWS_PER_PAGE)}
    return f"{request.path}?{_query(kept | place)}"


def _older_url(request: CofferRequest, kept: dict[str, str], found: Page[Run], before: int) -> str:
    if not found.next_cursor:
        return ""
    place = {"cursor": found.next_cursor, "n": str(before + len(found.items))}
    return f"{request.path}?{_query(kept | place)}"


def _number(request: CofferRequest) -> int:
    """Return how many rows come before those of the page, as the link to it said. Only the words depend on it."""
    text = request.GET.get("n", "")
    return min(int(text), LARGEST_NUMBER) if text.isascii() and text.isdigit() else 0


def _local(address: str, otherwise: str) -> str:
    """Return an address of this organization's pages; anything else is replaced."""
    root = otherwise.partition("runs/")[0]
    return address if address.startswith(root) else otherwise


def _query(values: dict[str, str]) -> str:
    return urlencode({name: value for name, value in values.items() if value})
