"""The list of secrets: the inventory for those who may read it, names and descriptions for everybody else."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.actors import Actor
from accounts.environments import Environment
from accounts.paging import DEFAULT_LIMIT
from accounts.policy import Permission
from accounts.stamps import requires
from accounts.texts import UNSTORABLE
from secrets_app import inventory

WITH, WITHOUT = "with-", "without-"
STATUSES = {"active", "disabled", "missing"}


@require_GET
@requires(Permission.SECRETS_BROWSE)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """One page; the fragment alone when htmx asks."""
    if not actor.may(Permission.SECRETS_READ):
        return _catalog(request, actor)
    chosen = {
        "q": _text(request, "q"),
        "status": request.GET.get("status", "") if request.GET.get("status") in STATUSES else "",
        "environment": request.GET.get("environment", ""),
    }
    page = inventory.page(actor.organization, _filters(chosen), cursor=request.GET.get("cursor", ""))
    context = {
        "secrets": _with_waiting(actor, page.items),
        "counts": inventory.counts(actor.organization),
        "environments": list(Environment),
        "filters": chosen,
        "next_url": _next_url(request, chosen, page.next_cursor),
    }
    return render(
        request, "secrets_app/_inventory.html" if _is_fragment(request) else "secrets_app/inventory.html", context
    )


def _catalog(request: HttpRequest, actor: Actor) -> HttpResponse:
    """What a member sees: names and descriptions, nothing else (DESIGN section 4, "Reading")."""
    chosen = {"q": _text(request, "q")}
    page = inventory.catalog(actor.organization, chosen["q"], cursor=request.GET.get("cursor", ""), limit=DEFAULT_LIMIT)
    context = {"secrets": page.items, "filters": chosen, "next_url": _next_url(request, chosen, page.next_cursor)}
    return render(
        request, "secrets_app/_catalog.html" if _is_fragment(request) else "secrets_app/catalog.html", context
    )


def _filters(chosen: dict[str, str]) -> inventory.Filters:
    wanted = chosen["environment"]
    return inventory.Filters(
        status=chosen["status"],
        text=chosen["q"],
        environment=_environment(wanted.removeprefix(WITH)) if wanted.startswith(WITH) else None,
        no_value_in=_environment(wanted.removeprefix(WITHOUT)) if wanted.startswith(WITHOUT) else None,
    )


def _environment(text: str) -> Environment | None:
    return next((environment for environment in Environment if environment.value == text), None)


def _with_waiting(actor: Actor, rows: list[inventory.Row]) -> list[inventory.Row]:
    """Rows of names that do not exist come with the references that wait; the others load theirs when opened."""
    names = [row.name for row in rows if not row.exists]
    waiting: dict[str, list[Any]] = {name: [] for name in names}
    for reference in (
        inventory.waiting_references(actor.organization).filter(name__in=names).select_related("integration")
    ):
        waiting[reference.name].append(reference)
    return [row if row.exists else replace(row, references=waiting[row.name]) for row in rows]


def _next_url(request: HttpRequest, chosen: dict[str, str], cursor: str | None) -> str:
    kept = {name: value for name, value in chosen.items() if value}
    return f"{request.path}?{urlencode(kept | {'cursor': cursor})}" if cursor else ""


def _is_fragment(request: HttpRequest) -> bool:
    return bool(request.htmx) and not request.htmx.history_restore_request  # type: ignore[attr-defined]


def _text(request: HttpRequest, name: str) -> str:
    return UNSTORABLE.sub("", request.GET.get(name, "")).strip()
