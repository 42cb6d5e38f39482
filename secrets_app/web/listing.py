"""The list of secrets: the inventory for people who may read it, and a catalog of names for everybody else."""

from dataclasses import replace
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.common.paging import DEFAULT_LIMIT
from accounts.common.texts import UNSTORABLE
from accounts.people.members import people_with
from accounts.policy import Permission
from accounts.web.replies import is_fragment
from secrets_app.inventory import inventory
from secrets_app.inventory.rows import InventoryRow
from secrets_app.querysets import Order

COLUMNS = [
    ("Name", Order.NAME, Order.NAME_DOWN),
    ("Usage count", Order.USAGE_DOWN, Order.USAGE),
    ("Last used", Order.USED_DOWN, Order.USED),
]
"""Sortable column headings, each with the order of the first and of the second click."""

ROWS = 30
"""The number of rows of a page."""

REFERENCES_SHOWN = 20
"""How many references to a name that no secret has are listed below it."""
NAMED_AT_MOST = 3
CARETAKERS_SHOWN = 8
WITH, WITHOUT = "with-", "without-"
STATUSES = {"active", "disabled", "missing"}


@require_GET
@requires(Permission.SECRETS_BROWSE)
def index(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Show a page of the list; htmx gets a fragment."""
    if not actor.may(Permission.SECRETS_READ):
        return _catalog(request, actor)
    chosen = {
        "q": _text(request, "q"),
        "status": request.GET.get("status", "") if request.GET.get("status") in STATUSES else "",
        "environment": request.GET.get("environment", ""),
        "sort": _order(request.GET.get("sort", "")).value,
    }
    cursor = request.GET.get("cursor", "")
    page = inventory.page(actor.organization, _filters(chosen), cursor=cursor, limit=ROWS)
    known = chosen | {"sort": "" if chosen["sort"] == Order.NAME else chosen["sort"]}
    counted = inventory.counts(actor.organization) if inventory.is_counted_at_once(actor.organization) else None
    context = {
        "groups": _grouped(_with_waiting(actor, page.items), chosen["sort"]),
        "counts": counted,
        "missing_count": counted["missing"] if counted else None,
        "is_empty": not page.items and not any(request.GET.values()),
        "environments": list(Environment),
        "filters": chosen,
        "columns": [_column(request, known, *column) for column in COLUMNS],
        "back": _query(known | {"cursor": cursor}),
        "next_url": _next_url(request, known, page.next_cursor),
    }
    return render(
        request, "secrets_app/_inventory.html" if is_fragment(request) else "secrets_app/inventory.html", context
    )


@require_GET
@requires(Permission.SECRETS_READ)
def counts(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Return the number of secrets by status, which pages of large organizations load afterwards."""
    return render(request, "secrets_app/_counts.html", {"counts": inventory.counts(actor.organization)})


def list_address(slug: str, query: str) -> str:
    """Return the address of the page of the list that this query names; anything else in it is left out."""
    asked = QueryDict(query)
    back = _query({name: asked.get(name, "") for name in ("q", "status", "environment", "sort", "cursor")})
    return f"{reverse('secrets', args=[slug])}?{back}".rstrip("?")


def _order(text: str) -> Order:
    return next((order for order in Order if order.value == text), Order.NAME)


def _column(request: CofferRequest, known: dict[str, str], label: str, first: Order, then: Order) -> dict[str, Any]:
    """Return the template context of a sortable heading: its URL, and how the list is sorted by it now."""
    now = known["sort"] or Order.NAME.value
    order = then if now == first else first
    is_sorted = now in {first, then}
    return {
        "label": label,
        "url": f"{request.path}?{_query(known | {'sort': order.value})}",
        "sorted": ("descending" if now.startswith("-") else "ascending") if is_sorted else "",
        "numeric": first is Order.USAGE_DOWN,
    }


def _grouped(rows: list[InventoryRow], order: str) -> list[dict[str, Any]]:
    """Group adjacent rows by prefix, such as `crm` for `crm.apiKey` and `crm.token`. A single row gets no heading."""
    if order not in {Order.NAME, Order.NAME_DOWN}:
        return [{"prefix": "", "rows": rows}] if rows else []
    groups: list[dict[str, Any]] = []
    for prefix, found in groupby(rows, key=lambda row: row.name.partition(".")[0] if "." in row.name else ""):
        together = list(found)
        heading = prefix if len(together) > 1 else ""
        if groups and not heading and not groups[-1]["prefix"]:
            groups[-1]["rows"] += together
        else:
            groups.append({"prefix": heading, "rows": together})
    return groups


def _catalog(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Show names and descriptions only, as members see them (docs/concepts.md, "Reading")."""
    chosen = {"q": _text(request, "q")}
    page = inventory.catalog(actor.organization, chosen["q"], cursor=request.GET.get("cursor", ""), limit=DEFAULT_LIMIT)
    context = {"secrets": page.items, "filters": chosen, "next_url": _next_url(request, chosen, page.next_cursor)}
    context["caretakers"] = people_with(actor.organization, Permission.SECRETS_WRITE)[:CARETAKERS_SHOWN]
    return render(request, "secrets_app/_catalog.html" if is_fragment(request) else "secrets_app/catalog.html", context)


def _filters(chosen: dict[str, str]) -> inventory.InventoryFilters:
    wanted = chosen["environment"]
    return inventory.InventoryFilters(
        status=chosen["status"],
        text=chosen["q"],
        order=Order(chosen["sort"]),
        environment=_environment(wanted.removeprefix(WITH)) if wanted.startswith(WITH) else None,
        no_value_in=_environment(wanted.removeprefix(WITHOUT)) if wanted.startswith(WITHOUT) else None,
    )


def _environment(text: str) -> Environment | None:
    return next((environment for environment in Environment if environment.value == text), None)


def _with_waiting(actor: Actor, rows: list[InventoryRow]) -> list[InventoryRow]:
    """Add their first references to the rows of missing names. Other rows load theirs when they are opened."""
    waiting: dict[str, list[Any]] = {row.name: [] for row in rows if not row.exists}
    for reference in inventory.first_waiting(actor.organization, waiting, REFERENCES_SHOWN) if waiting else ():
        waiting[reference.name].append(reference)
    return [row if row.exists else replace(row, references=waiting[row.name]) for row in rows]


def _next_url(request: CofferRequest, chosen: dict[str, str], cursor: str | None) -> str:
    return f"{request.path}?{_query(chosen | {'cursor': cursor})}" if cursor else ""


def _query(values: dict[str, str]) -> str:
    return urlencode({name: value for name, value in values.items() if value})


def _text(request: CofferRequest, name: str) -> str:
    return UNSTORABLE.sub("", request.GET.get(name, "")).strip()
