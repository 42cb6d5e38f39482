"""Pages of budgets: what an API key or an integration may spend in a day, and what it has spent today."""

import json
import re
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.access.api_keys import find_api_key
from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.access.step_up import Proof
from accounts.actors import Actor
from accounts.errors import FieldError, Invalid
from accounts.models import ApiKey
from accounts.policy import Permission
from accounts.web.replies import SeeOther
from integrations.budgets.spending import budget_of, spent_today
from integrations.editing.budgets import BudgetFields, in_words, set_budget_of_integration, set_budget_of_key
from integrations.models import Integration

NUMBER = re.compile(r"[0-9]{1,10}\Z", re.ASCII)
NO_NUMBER = 0
"""Stands for a text that is not a number; the service refuses it."""
FULL = 100


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.API_KEYS_CREATE, proof=Proof.PAGE)
def of_key(request: CofferRequest, actor: Actor, key_id: UUID) -> HttpResponse:
    """GET shows the budget of a key; POST sets it."""
    key, back = find_api_key(actor=actor, key_id=key_id), reverse("api-key", args=[actor.organization.slug, key_id])
    if request.method != "POST":
        return _form(request, key, back, _shown(key))
    try:
        set_budget_of_key(actor=actor, key_id=key_id, wanted=_wanted(request.POST))
    except Invalid as refusal:
        return _form(request, key, back, request.POST.dict(), refusal.errors)
    messages.success(request, f"Saved the budget of {key.name}")
    return SeeOther(back)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.RULES_WRITE, proof=Proof.PAGE)
def of_integration(request: CofferRequest, actor: Actor, integration_id: UUID) -> HttpResponse:
    """GET shows the budget of an integration and what its operations cost; POST sets both."""
    integration = Integration.objects.fetch(actor, integration_id)
    back = reverse("integration-edit", args=[actor.organization.slug, integration_id])
    if request.method != "POST":
        return _form(request, integration, back, _shown(integration))
    try:
        wanted = _wanted(request.POST, costs=_costs(request.POST.get("costs", "")))
        set_budget_of_integration(actor=actor, integration_id=integration_id, wanted=wanted)
    except Invalid as refusal:
        return _form(request, integration, back, request.POST.dict(), refusal.errors)
    messages.success(request, f"Saved the budget of {integration.name}")
    return SeeOther(back)


def _wanted(post: QueryDict, costs: dict[str, Any] | None = None) -> BudgetFields:
    calls = post.get("daily_calls", "").strip()
    number = (int(calls) if NUMBER.match(calls) else NO_NUMBER) if calls else None
    return BudgetFields(number, post.get("daily_cost", "").strip() or None, costs)


def _costs(text: str) -> Any:
    try:
        return json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        return text


def _shown(row: ApiKey | Integration) -> dict[str, str]:
    """Return the stored budget as values of the form's fields."""
    costs = row.costs if isinstance(row, Integration) else {}
    return {
        "daily_calls": "" if row.daily_calls is None else str(row.daily_calls),
        "daily_cost": in_words(row.daily_cost) or "",
        "costs": json.dumps(costs, indent=2, ensure_ascii=False) if costs else "",
    }


def _form(
    request: CofferRequest,
    row: ApiKey | Integration,
    back: str,
    values: dict[str, str],
    errors: list[FieldError] | None = None,
) -> HttpResponse:
    budget = budget_of(row)
    spent = spent_today(budget)
    context = {
        "of": row,
        "is_integration": isinstance(row, Integration),
        "back": back,
        "values": {name: values.get(name, "") for name in ("daily_calls", "daily_cost", "costs")},
        "errors": errors or [],
        "bound": budget.is_bound,
        "spent": spent,
        "spent_cost": in_words(spent.cost),
        "percent": min(FULL, int(budget.share(spent.calls, spent.cost) * Decimal(FULL))),
    }
    return render(request, "integrations/budget.html", context, status=422 if errors else 200)
