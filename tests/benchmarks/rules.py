"""What rules add to the admission of a call: no rules, rules with conditions, and one with a limit, in turns."""

import statistics
import time
from collections.abc import Callable
from typing import Any

from accounts.access.callers import CONCURRENT_CALLS, PresentedKey
from accounts.actors import actor_for_member
from accounts.common.environments import Environment
from accounts.models import Membership, User
from accounts.people.organizations import create_organization
from integrations.broker.admission import admit_all
from integrations.broker.preparation import Admitted, Call
from integrations.editing.rules import set_rules
from integrations.models import Integration
from integrations.rules.reading import read_rules
from tests.support.things import key_for, make_action, store_secret

ROUNDS, CALLS = 15, 100
AMOUNT = {"type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"]}
AT_MOST_500 = {"properties": {"amount": {"type": "number", "maximum": 500}}, "required": ["amount"]}
OVER_50 = {"not": {"properties": {"amount": {"type": "number", "maximum": 50}}, "required": ["amount"]}}
NONE, CONDITIONS, LIMIT = "no rules", "three rules with conditions", "and a limit"
RULES: dict[str, list[dict[str, Any]]] = {
    NONE: [],
    CONDITIONS: [
        {"operation": "call", "decision": "allow", "arguments": AT_MOST_500},
        {"operation": "call", "decision": "ask", "arguments": OVER_50},
        {"decision": "allow", "hours": {}},
    ],
}
RULES[LIMIT] = [*RULES[CONDITIONS], {"decision": "allow", "limit": {"calls": 1_000_000, "per": "minute"}}]


def measure() -> list[dict[str, object]]:
    """Milliseconds of an admission with each set of rules, and what it adds to one without."""
    user = User.objects.create(email="owner@example.com", name="Owner")
    organization = create_organization(user=user, name="Benchmark")
    owner = actor_for_member(Membership.objects.select_related("user", "organization").get(organization=organization))
    store_secret(owner)
    key = PresentedKey(key_for(owner, environments=[Environment.STAGING]), None)
    actions = {name: _action(owner, name, rules) for name, rules in RULES.items()}
    taken: dict[str, list[float]] = {name: [] for name in RULES}
    for _ in range(ROUNDS + 1):
        for name, action in actions.items():
            taken[name].append(_timed(lambda action=action: _admit(key, action)))
    medians = {name: statistics.median(times[1:]) for name, times in taken.items()}
    return [
        {
            "admission": name,
            "p50_ms": round(median, 3),
            "more_ms": round(median - medians[NONE], 3),
            "of_none": round(median / medians[NONE], 2),
        }
        for name, median in medians.items()
    ]


def _action(owner: Any, name: str, rules: list[dict[str, Any]]) -> Integration:
    action = make_action(owner, name.capitalize(), parameters=AMOUNT, path="/{params.amount}")
    return set_rules(actor=owner, integration_id=action.pk, rules=read_rules(rules))


def _timed(act: Callable[[], None]) -> float:
    """The median of the calls of a round, in milliseconds."""
    times = []
    for _ in range(CALLS):
        started = time.perf_counter()
        act()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def _admit(key: PresentedKey, action: Integration) -> None:
    (admitted,) = admit_all([(key, Call(action.pk, Environment.STAGING, None, {"amount": 20}))])
    if not isinstance(admitted, Admitted):
        raise admitted
    CONCURRENT_CALLS.release(admitted.actor)
