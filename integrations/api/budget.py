"""`/api/v1/integrations/{id}/budget` (docs/stopping.md, "Budgets")."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field, StrictInt

from accounts.access.route_permissions import key_requires
from accounts.api.authentication import actor_of
from accounts.api.schemas import PROBLEMS_OF_ONE, Payload
from accounts.policy import Permission
from integrations.budgets.spending import budget_of, spent_today
from integrations.editing.budgets import BudgetFields, in_words, set_budget_of_integration
from integrations.models import Integration

router = Router()

COSTS = (
    'What operations cost, by name; `*` stands for every other one. `{"fixed": "0.01"}`, or `{"field": "/usage/total", '
    '"each": "0.000002"}` for a number of the answer, by JSON Pointer, times an amount.'
)


class BudgetIn(Payload):
    """`PUT /integrations/{id}/budget`. What is left out is removed."""

    daily_calls: StrictInt | None = None
    daily_cost: str | None = Field(
        default=None, description="An amount, such as `12.50`, in the currency of the costs."
    )
    costs: dict[str, Any] = Field(default={}, description=COSTS)


class SpentOut(Schema):
    """What was spent today. `untold` counts the answers that did not tell what the call cost."""

    day: str
    calls: int
    cost: str
    untold: int


class BudgetOut(Schema):
    """What an integration may spend in a day, in UTC; null for no bound."""

    daily_calls: int | None
    daily_cost: str | None
    costs: dict[str, Any]
    today: SpentOut


@router.get("/{uuid:integration_id}/budget", response={200: BudgetOut, **PROBLEMS_OF_ONE}, summary="Its budget")
@key_requires(Permission.INTEGRATIONS_READ)
def get_budget(request: HttpRequest, integration_id: UUID) -> dict[str, Any]:
    """With what was spent today. Calls are counted while there is a budget."""
    return budget_out(Integration.objects.fetch(actor_of(request), integration_id))


@router.put("/{uuid:integration_id}/budget", response={200: BudgetOut, **PROBLEMS_OF_ONE}, summary="Set its budget")
@key_requires(Permission.RULES_WRITE)
def put_budget(request: HttpRequest, integration_id: UUID, payload: BudgetIn) -> dict[str, Any]:
    """Replaces the budget as a whole, from the next call on."""
    wanted = BudgetFields(payload.daily_calls, payload.daily_cost, payload.costs)
    with payload.faults_told():
        integration = set_budget_of_integration(actor=actor_of(request), integration_id=integration_id, wanted=wanted)
    return budget_out(integration)


def budget_out(integration: Integration) -> dict[str, Any]:
    """Return the budget of an integration as the API represents it."""
    return {
        "daily_calls": integration.daily_calls,
        "daily_cost": in_words(integration.daily_cost),
        "costs": integration.costs,
        "today": spent_today(budget_of(integration)).as_json(),
    }
