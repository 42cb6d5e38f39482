"""What budgets have spent today, in the database: exact across processes and hosts.

A day is one of the calendar, in UTC. The rows are locked, in the order of their names, from the count to the commit of
the run's record. A cost that only the answer tells is added when the run ends, so the last calls of a day may go over
the budget.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import occurrences
from accounts.actors import Actor, ActorKind
from accounts.models import ApiKey
from accounts.occurrences import Occurred
from integrations.budgets.costs import Cost, FixedCost, MeteredCost, cost_of, metered
from integrations.errors import BudgetSpent
from integrations.kinds.base import CHECK
from integrations.models import CallCounter, Integration
from integrations.rules.counters import locked

NEARLY = Decimal("0.8")
"""The part of a budget from which it is told that it is nearly spent."""
DAY = timedelta(days=1)
NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class DailyBudget:
    """What an API key or an integration may spend in a day.

    Attributes:
        kind: `api_key` or `integration`.
        calls, cost: None for no bound.
    """

    kind: str
    id: UUID
    name: str
    calls: int | None
    cost: Decimal | None

    @property
    def is_bound(self) -> bool:
        """Whether there is a bound."""
        return self.calls is not None or self.cost is not None

    @property
    def counter(self) -> str:
        """The name of its counter."""
        return hashlib.sha256(f"budget:{self.kind}:{self.id}".encode()).hexdigest()

    def share(self, calls: int, cost: Decimal) -> Decimal:
        """Return how much of it is spent, from 0."""
        shares = [Decimal(calls) / self.calls] if self.calls else []
        return max([*shares, cost / self.cost] if self.cost else shares, default=Decimal(1))

    def has_room(self, calls: int, cost: Decimal, next_cost: Decimal) -> bool:
        """Return whether one more call fits."""
        if self.calls is not None and calls >= self.calls:
            return False
        return self.cost is None or (cost < self.cost and cost + next_cost <= self.cost)


@dataclass(frozen=True, slots=True)
class Charge:
    """A call that budgets count: whose, and what it costs."""

    organization_id: UUID
    budgets: Sequence[DailyBudget]
    cost: Cost | None

    @property
    def fixed(self) -> Decimal:
        """What it costs as far as that is known before."""
        return Decimal(self.cost.fixed) if isinstance(self.cost, FixedCost) else NOTHING

    @property
    def metered(self) -> MeteredCost | None:
        """How the answer tells what it costs; None if it does not."""
        return self.cost if isinstance(self.cost, MeteredCost) else None


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent on a day. `untold` counts the answers that did not tell what the call cost."""

    day: str
    calls: int = 0
    cost: Decimal = NOTHING
    untold: int = 0

    @classmethod
    def of(cls, counts: dict[str, Any], day: str) -> "Spent":
        """Return what a counter says of this day, which is nothing if it has counted another one."""
        if counts.get("day") != day:
            return cls(day)
        return cls(day, counts["calls"], Decimal(counts["cost"]), counts["untold"])

    def as_json(self) -> dict[str, Any]:
        """Return what the counter keeps."""
        return {"day": self.day, "calls": self.calls, "cost": str(self.cost), "untold": self.untold}


def charge_of(links: Sequence[Integration], operation: str, actor: Actor) -> Charge | None:
    """Return what counts a call; None if there is no budget for it. Checks are not counted.

    Args:
        links: the integration and its parents. The first that says what the operation costs decides.
    """
    bound = [budget for budget in (*map(budget_of, links), *_budget_of_key(actor)) if budget.is_bound]
    if not bound or operation == CHECK:
        return None
    costs = [cost for link in links if (cost := cost_of(link.costs, operation))]
    return Charge(actor.organization.pk, bound, costs[0] if costs else None)


def budget_of(row: ApiKey | Integration) -> DailyBudget:
    """Return the budget of an API key or an integration, which may have no bound."""
    kind = "api_key" if isinstance(row, ApiKey) else "integration"
    return DailyBudget(kind, row.pk, row.name, row.daily_calls, row.daily_cost)


def _budget_of_key(actor: Actor) -> Iterable[DailyBudget]:
    key = actor.within or actor
    if key.kind is ActorKind.API_KEY and key.id:
        yield DailyBudget("api_key", key.id, key.label, key.daily_calls, key.daily_cost)


def spend(charges: Sequence[Charge], now: datetime | None = None) -> list[BudgetSpent | None]:
    """Count calls, each if all of its budgets have room. Call it in the transaction that records the calls.

    Returns:
        for each call the refusal; None if it is counted.
    """
    if not charges:
        return []
    moment = now or timezone.now()
    rows = _rows(charges)
    found = []
    for charge in charges:
        refusal = _refusal(charge, rows, moment)
        if refusal is None:
            _count(charge, rows, moment, 1, charge.fixed)
        found.append(refusal)
    _save(rows)
    return found


async def metered_cost(charge: Charge | None, body: bytes) -> Decimal | None:
    """Return what the answer of a call tells of its cost; None if it does not, or nothing counts the call by it."""
    if charge is None or charge.metered is None:
        return None
    return await asyncio.to_thread(metered, charge.metered, body)


@contextmanager
def settling(ended: Sequence[tuple[Charge | None, Decimal | None]]) -> Iterator[None]:
    """Add what answers told of the cost of their calls, in one transaction with the block, which records their ends.

    Args:
        ended: what counts each call, None if nothing does; and the cost that its answer told, None if it told none.
    """
    told = [(charge, cost) for charge, cost in ended if charge and charge.metered]
    if not told:
        yield
        return
    with transaction.atomic():
        yield
        _settle(told, timezone.now())


def _settle(told: Sequence[tuple[Charge, Decimal | None]], now: datetime) -> None:
    rows = _rows([charge for charge, _ in told])
    for charge, cost in told:
        _count(charge, rows, now, 0, NOTHING if cost is None else cost, untold=cost is None)
    _save(rows)


def spent_today(budget: DailyBudget, now: datetime | None = None) -> Spent:
    """Return what a budget has spent today."""
    row = CallCounter.objects.filter(name=budget.counter).first()
    return Spent.of(row.counts if row else {}, _day(now or timezone.now()))


def _rows(charges: Sequence[Charge]) -> dict[str, CallCounter]:
    return locked({(charge.organization_id, budget.counter) for charge in charges for budget in charge.budgets})


def _save(rows: dict[str, CallCounter]) -> None:
    for row in rows.values():
        row.save(update_fields=["counts", "used_at"])


def _count(
    charge: Charge, rows: dict[str, CallCounter], now: datetime, calls: int, cost: Decimal, *, untold: bool = False
) -> None:
    """Add to what the budgets of a call have spent, and tell of those that are nearly or fully spent by it."""
    for budget in charge.budgets:
        row = rows[budget.counter]
        before = Spent.of(row.counts, _day(now))
        after = Spent(before.day, before.calls + calls, before.cost + cost, before.untold + untold)
        row.counts, row.used_at = after.as_json(), now
        _tell(charge, budget, budget.share(before.calls, before.cost), budget.share(after.calls, after.cost), after.day)


def _tell(charge: Charge, budget: DailyBudget, before: Decimal, after: Decimal, day: str) -> None:
    for share, occurred in ((NEARLY, Occurred.BUDGET_NEARLY_SPENT), (Decimal(1), Occurred.BUDGET_SPENT)):
        if before < share <= after:
            data = {budget.kind: {"id": str(budget.id), "name": budget.name}, "day": day}
            occurrences.record(charge.organization_id, occurred, data, once=f"{budget.id}:{day}")


def _refusal(charge: Charge, rows: dict[str, CallCounter], now: datetime) -> BudgetSpent | None:
    for budget in charge.budgets:
        spent = Spent.of(rows[budget.counter].counts, _day(now))
        if not budget.has_room(spent.calls, spent.cost, charge.fixed):
            _tell(charge, budget, NOTHING, Decimal(1), spent.day)
            return _spent(budget, now)
    return None


def _spent(budget: DailyBudget, now: datetime) -> BudgetSpent:
    whose = "This API key" if budget.kind == "api_key" else budget.name
    refusal = BudgetSpent(f"{whose} has spent its budget of today. It begins anew at midnight UTC.")
    tomorrow = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    seconds = max(1, int((tomorrow - now).total_seconds()))
    refusal.members |= {
        "retry_after_seconds": seconds,
        "budget": {"of": budget.kind, "id": str(budget.id), "name": budget.name},
    }
    return refusal


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()
