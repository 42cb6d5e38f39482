"""Setting the budgets of API keys and integrations."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.actors import Actor
from accounts.audit import trail
from accounts.common.bounds import COST_PLACES, MOST_DAILY_CALLS
from accounts.errors import FieldError, Invalid, NotFound
from accounts.models import ApiKey
from accounts.policy import Permission
from integrations.budgets import costs
from integrations.editing.bounds import check_bounds
from integrations.models import Integration

NOT_SAVED = "The budget was not saved."


@dataclass(frozen=True, slots=True)
class BudgetFields:
    """A budget as somebody writes it.

    Attributes:
        daily_calls, daily_cost: None for no bound; the cost as text, so that no digit is lost.
        costs: what the operations of an integration cost, by name; None leaves them as they are.
    """

    daily_calls: int | None = None
    daily_cost: str | None = None
    costs: dict[str, Any] | None = None


def set_budget_of_key(*, actor: Actor, key_id: UUID, wanted: BudgetFields) -> ApiKey:
    """Set what an API key and its sessions may spend in a day.

    Raises:
        NotFound: the organization has no such key.
        PermissionDenied: the actor may not create API keys.
        Invalid: a bound is out of range.
    """
    actor.check(Permission.API_KEYS_CREATE)
    changes = _checked(wanted)
    with transaction.atomic():
        own = ApiKey.objects.filter(organization=actor.organization, parent=None)
        key = own.select_for_update().filter(pk=key_id).first()
        if key is None:
            raise NotFound("No such API key.")
        if changed := _set(key, changes):
            key.save(update_fields=changed)
            details: dict[str, Any] = {
                "fields": changed,
                "daily_calls": key.daily_calls,
                "daily_cost": in_words(key.daily_cost),
            }
            trail.record(trail.Event.API_KEY_BUDGET_SET, actor=actor, target=key, prefix=key.prefix, **details)
    return key


def set_budget_of_integration(*, actor: Actor, integration_id: UUID, wanted: BudgetFields) -> Integration:
    """Set what an integration may spend in a day, and what its operations cost.

    Raises:
        NotFound, PermissionDenied: the actor may not see or write the integration (`check_bounds`).
        Invalid: a bound is out of range, or a cost is none.
    """
    actor.check(Permission.RULES_WRITE)
    changes = _checked(wanted)
    with transaction.atomic():
        own = Integration.objects.visible_to(actor).select_for_update(of=("self",))
        integration = own.filter(pk=integration_id).first()
        if integration is None:
            raise NotFound("No such integration.")
        integration.organization = actor.organization
        check_bounds(actor, integration)
        if changed := _set(integration, changes):
            integration.version += 1
            integration.save(update_fields=[*changed, "version", "updated_at"])
            trail.record(trail.Event.INTEGRATION_CHANGED, actor=actor, target=integration, fields=changed)
    return integration


def in_words(amount: Decimal | None) -> str | None:
    """Return an amount as people write it, without zeros at its end; None for none."""
    return None if amount is None else f"{amount.normalize():f}"


def _set(row: Any, changes: dict[str, Any]) -> list[str]:
    """Set what differs on the unsaved row; return its columns."""
    changed = [name for name, value in changes.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, changes[name])
    return changed


def _checked(wanted: BudgetFields) -> dict[str, Any]:
    """Return the columns that are wanted.

    Raises:
        Invalid: a bound is out of range, or a cost is none.
    """
    errors = [] if wanted.costs is None else costs.faults(wanted.costs)
    if wanted.daily_calls is not None and not 1 <= wanted.daily_calls <= MOST_DAILY_CALLS:
        errors.append(FieldError("daily_calls", f"Enter a number from 1 to {MOST_DAILY_CALLS:,}, or leave it empty."))
    cost = costs.read_amount(wanted.daily_cost) if wanted.daily_cost else None
    if wanted.daily_cost and not cost:
        sentence = f"Enter an amount above 0 with at most {COST_PLACES} digits after the point, or leave it empty."
        errors.append(FieldError("daily_cost", sentence))
    if errors:
        raise Invalid(NOT_SAVED, errors=errors)
    bounds = {"daily_calls": wanted.daily_calls, "daily_cost": cost}
    return bounds if wanted.costs is None else {**bounds, "costs": wanted.costs}
