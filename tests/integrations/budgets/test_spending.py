"""Budgets of a day: what they count, when they refuse, what they tell, across threads."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.access.agent_sessions import start_session
from accounts.access.callers import PresentedKey, actor_of_key
from accounts.common.environments import Environment
from accounts.errors import Invalid, NotFound, PermissionDenied
from accounts.models import ApiKey
from accounts.occurrences import Occurrence
from accounts.policy import Scope
from integrations.budgets.costs import MeteredCost, metered
from integrations.budgets.spending import Charge, DailyBudget, budget_of, spend, spent_today
from integrations.editing.budgets import BudgetFields, set_budget_of_integration, set_budget_of_key
from integrations.errors import BudgetSpent
from integrations.models import Integration, Run
from tests.peers.upstreams import answering, http
from tests.support.things import key_for, make_action, make_connection, store_secret

S = Environment.STAGING


@pytest.fixture
def action(owner):
    """An action whose upstream tells what a call used."""
    store_secret(owner)
    with answering(lambda request, sending: sending.sendall(http(b'{"usage": {"total": 30}}'))) as url:
        yield make_action(owner, base_url=url)


def told():
    return list(
        Occurrence.objects.filter(type__startswith="budget.").order_by("created_at").values_list("type", flat=True)
    )


def budget(owner, integration, **wanted):
    return set_budget_of_integration(actor=owner, integration_id=integration.pk, wanted=BudgetFields(**wanted))


@pytest.mark.django_db
class TestCalls:
    def test_an_integration_has_so_many_and_tells_at_eighty_percent(self, owner, action, run):
        budget(owner, action, daily_calls=5)
        for number in range(1, 6):
            assert run(owner, action, S).outcome == "succeeded"
            assert told() == ["budget.nearly_spent"] * (number >= 4) + ["budget.spent"] * (number >= 5)
        with pytest.raises(BudgetSpent) as refusal:
            run(owner, action, S)
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0) + timedelta(days=1)
        assert abs(refusal.value.members["retry_after_seconds"] - (midnight - timezone.now()).total_seconds()) < 5
        assert refusal.value.members["budget"] == {"of": "integration", "id": str(action.pk), "name": action.name}
        assert Run.objects.filter(outcome="refused", error_code="budget_spent").count() == 1
        assert len(told()) == 2

    def test_a_key_and_its_sessions_spend_one_budget(self, owner, action, run):
        text = key_for(owner, Scope.RUN)
        key = actor_of_key(text, address=None)
        set_budget_of_key(actor=owner, key_id=key.id, wanted=BudgetFields(daily_calls=2))
        _, session = start_session(actor=key, name="call-4711")
        for presented in (text, session.text):
            assert run(PresentedKey(presented, None), action, S).outcome == "succeeded"
        for presented in (text, session.text):
            with pytest.raises(BudgetSpent, match="This API key"):
                run(PresentedKey(presented, None), action, S)
        assert run(owner, action, S).outcome == "succeeded"

    def test_the_next_day_begins_anew(self, owner, action):
        one = DailyBudget("integration", action.pk, action.name, 1, None)
        charge, noon = Charge(owner.organization.pk, [one], None), datetime(2026, 11, 30, 12, tzinfo=UTC)
        with transaction.atomic():
            assert [bool(refusal) for refusal in spend([charge, charge], noon)] == [False, True]
            assert spend([charge], noon + timedelta(hours=11, minutes=59))[0]
            assert spend([charge], noon + timedelta(hours=12)) == [None]
        assert spent_today(one, noon + timedelta(hours=12)).calls == 1

    def test_a_connection_counts_the_calls_of_its_actions(self, owner, run):
        store_secret(owner)
        with answering(lambda request, sending: sending.sendall(http(b"{}"))) as url:
            shared = make_connection(owner, base_url=url)
            action = make_action(owner, uses="", base_url="", connection=str(shared.pk))
            budget(owner, shared, daily_calls=1)
            assert run(owner, action, S).outcome == "succeeded"
            with pytest.raises(BudgetSpent):
                run(owner, action, S)

    def test_a_run_without_budgets_asks_nothing_more(self, owner, action, run):
        run(owner, action, S)
        with CaptureQueriesContext(connection) as asked:
            run(owner, action, S)
        assert not [query for query in asked if "callcounter" in query["sql"]]


@pytest.mark.django_db
class TestCost:
    def test_a_fixed_cost_never_goes_over(self, owner, action, run):
        budget(owner, action, daily_cost="1.00", costs={"*": {"fixed": "0.30"}})
        for _ in range(3):
            assert run(owner, action, S).outcome == "succeeded"
        with pytest.raises(BudgetSpent):
            run(owner, action, S)
        assert spent_today(budget_of(Integration.objects.get())).cost == Decimal("0.90")
        assert told() == ["budget.nearly_spent", "budget.spent"]

    def test_a_cost_of_the_answer_is_added_at_the_end(self, owner, action, run):
        budget(owner, action, daily_cost="0.5", costs={"call": {"field": "/usage/total", "each": "0.01"}})
        for spent in ("0.3", "0.6"):
            assert run(owner, action, S).outcome == "succeeded"
            assert spent_today(budget_of(Integration.objects.get())).cost == Decimal(spent)
        with pytest.raises(BudgetSpent):
            run(owner, action, S)

    def test_what_is_no_number_costs_nothing_and_is_counted(self, owner, action, run):
        budget(owner, action, daily_cost="0.5", costs={"call": {"field": "/usage/other", "each": "0.01"}})
        run(owner, action, S)
        spent = spent_today(budget_of(Integration.objects.get()))
        assert (spent.calls, spent.cost, spent.untold) == (1, 0, 1)

    @pytest.mark.parametrize(
        ("body", "pointer", "cost"),
        [
            (b'{"a": {"b": 3}}', "/a/b", "0.3"),
            (b'[{"n": 1.5}]', "/0/n", "0.15"),
            (b'{"a/b": 2, "~": 4}', "/a~1b", "0.2"),
            (b'{"~": 4}', "/~0", "0.4"),
            (b'data: {"u": {"n": 1}}\n\ndata: {"u": {"n": 7}}\n\ndata: {"u": null}\n\ndata: [DONE]\n\n', "/u/n", "0.7"),
            (b'{"n": 1}\n{"n": 2}\n', "/n", "0.2"),
            *((body, "/a", None) for body in (b"", b"x", b"{}", b'{"a": "3"}', b'{"a": true}', b'{"a": -1}')),
            *((body, "/a", None) for body in (b'{"a": 1e99}', b'{"a": NaN}', b"[1]", b"[" * 9999)),
        ],
    )
    def test_a_number_is_found_by_its_pointer(self, body, pointer, cost):
        found = metered(MeteredCost(field=pointer, each="0.1"), body)
        assert found == (cost and Decimal(cost))


@pytest.mark.django_db
def test_who_may_not_and_what_is_no_budget(owner, member, outsider, action):
    key = ApiKey.objects.get(pk=actor_of_key(key_for(owner, Scope.RUN), address=None).id)
    for actor, refusal in ((member, PermissionDenied), (outsider, NotFound)):
        with pytest.raises(refusal):
            budget(actor, action, daily_calls=1)
        with pytest.raises(refusal):
            set_budget_of_key(actor=actor, key_id=key.pk, wanted=BudgetFields(daily_calls=1))
    for wrong in (
        {"daily_calls": 0}, {"daily_cost": "0"}, {"daily_cost": "-1"}, {"daily_cost": "NaN"}, {"daily_cost": "1e99"},
        {"daily_cost": "0.000000001"}, {"costs": {"*": {"fixed": "free"}}}, {"costs": {"*": {"field": "usage"}}},
        {"costs": "x"}, {"costs": {"*": {"fixed": "1", "each": "1"}}},
        {"costs": {str(n): {"fixed": "1"} for n in range(101)}},
    ):  # fmt: skip
        with pytest.raises(Invalid) as refused:
            budget(owner, action, **wrong)
        assert [error.field for error in refused.value.errors] == list(wrong)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_concurrent_calls_spend_exactly_the_budget(owner, together):
    charge = Charge(owner.organization.pk, [DailyBudget("api_key", owner.id, "agent", 100, None)], None)
    counted = []

    def call():
        for _ in range(50):
            with transaction.atomic():
                counted.append(spend([charge])[0] is None)

    assert together(*[call] * 4) == [None] * 4
    assert (counted.count(True), len(counted)) == (100, 200)
