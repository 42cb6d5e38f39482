"""`/integrations/{id}/budget`: set as a whole, read with what was spent today."""

import pytest

from tests.support.things import make_action

pytestmark = pytest.mark.django_db


def test_a_budget_is_set_and_read(owner, caller):
    path = f"/integrations/{make_action(owner, uses='').pk}/budget"
    empty = caller.get(path)
    assert (empty["daily_calls"], empty["daily_cost"], empty["costs"]) == (None, None, {})
    wanted = {"daily_calls": 100, "daily_cost": "12.50", "costs": {"*": {"field": "/usage/total", "each": "0.000002"}}}
    changed = caller.call("PUT", path, wanted).json()
    assert changed == caller.get(path)
    assert {name: changed[name] for name in wanted} == {**wanted, "daily_cost": "12.5"}
    assert {**changed["today"], "day": ""} == {"day": "", "calls": 0, "cost": "0", "untold": 0}
    assert caller.call("PUT", path, {}).json()["costs"] == {}


def test_what_is_no_budget_names_its_fields(owner, caller):
    path = f"/integrations/{make_action(owner, uses='').pk}/budget"
    wrong = {"daily_calls": 0, "daily_cost": "free", "costs": {"*": 1}}
    assert sorted(caller.errors("PUT", path, wrong)) == ["costs", "daily_calls", "daily_cost"]
    assert caller.errors("PUT", path, {"daily_calls": "3"}) == ["daily_calls"]
