"""Budgets on pages: set, shown with what was spent, and refused with what was typed."""

import pytest

from accounts.common.environments import Environment
from accounts.models import ApiKey
from integrations.models import Integration
from tests.peers.upstreams import answering, http
from tests.support.things import make_action
from tests.support.web.api_key_forms import LIST, make, page_of

pytestmark = pytest.mark.django_db

COSTS = '{"call": {"fixed": "0.25"}}'


def test_the_budget_of_an_integration_is_set_and_metered(as_owner, owner, run):
    with answering(lambda request, sending: sending.sendall(http(b"{}"))) as url:
        action = make_action(owner, uses="", base_url=url)
        path = f"/o/harbor-clinics/integrations/{action.pk}/budget/"
        assert path in page_of(as_owner, f"/o/harbor-clinics/integrations/{action.pk}/menu/")
        saved = as_owner.post(path, {"daily_calls": "4", "daily_cost": "10", "costs": COSTS}, follow=True)
        assert "Saved the budget of Look up patient" in saved.content.decode()
        run(owner, action, Environment.STAGING)
    page = page_of(as_owner, path)
    assert "1 call, cost 0.25: 25 % of the budget." in page
    assert "0.25" in page and 'value="4"' in page
    as_owner.post(path, {"daily_calls": "", "daily_cost": "", "costs": ""})
    row = Integration.objects.get()
    assert (row.daily_calls, row.daily_cost, row.costs) == (None, None, {})
    assert "% of the budget" not in page_of(as_owner, path)


def test_the_budget_of_a_key_is_set_and_shown(as_owner, owner):
    key = make(owner)
    path = f"{LIST}{key.id}/budget/"
    assert path in page_of(as_owner, f"{LIST}{key.id}/")
    as_owner.post(path, {"daily_calls": "1000", "daily_cost": "12.50"})
    assert "1,000 calls a day, cost of 12.5 a day" in page_of(as_owner, f"{LIST}{key.id}/")


def test_what_was_typed_stays(as_owner, owner):
    action = make_action(owner, uses="")
    wrong = {"daily_calls": "many", "daily_cost": "free", "costs": "{usage"}
    for path in (f"/o/harbor-clinics/integrations/{action.pk}/budget/", f"{LIST}{make(owner).id}/budget/"):
        response = as_owner.post(path, wrong)
        page = response.content.decode()
        assert response.status_code == 422
        assert all(text in page for text in ("many", "free", "Enter a number from 1", "Enter an amount above 0"))
    assert ApiKey.objects.get().daily_calls is None
