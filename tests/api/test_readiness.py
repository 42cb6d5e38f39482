"""`GET /readiness`, and the list of integrations with it: the same judge, for many at once."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.common.environments import Environment
from accounts.policy import Scope
from integrations.editing import integrations
from integrations.models import Integration
from integrations.readiness.warnings import warnings_for
from secrets_app.editing import secrets
from tests.api.conftest import Caller
from tests.things import key_for, make_action, make_connector, store_secret

pytestmark = pytest.mark.django_db

STAGING, PRODUCTION = Environment.STAGING, Environment.PRODUCTION


def codes(items):
    return {(item["integration"]["name"], item["environment"]): [p["code"] for p in item["problems"]] for item in items}


def test_everything_in_place_is_ready(caller, owner):
    store_secret(owner)
    action = make_action(owner)
    found = caller.get("/readiness?environment=staging")
    about = {"id": str(action.id), "name": action.name, "kind": "api_action"}
    assert found == {
        "items": [{"integration": about, "environment": "staging", "ready": True, "problems": []}],
        "next_cursor": None,
    }


def test_what_is_missing_disabled_or_not_allowed_is_listed(caller, owner):
    store_secret(owner, "only.staging", environments=[STAGING])
    off = store_secret(owner, "off.key")
    store_secret(owner, "elsewhere.key", allowed_domains=["other.example.com"])
    make_action(owner, "A", uses="only.staging", environments=Environment)
    make_action(owner, "B", uses="off.key")
    make_action(owner, "C", uses="elsewhere.key")
    make_action(owner, "D", uses="nothing.yet")
    secrets.set_enabled(actor=owner, secret_id=off.id, enabled=False)
    items = caller.get("/readiness")["items"]
    assert codes(items) == {
        ("A", "development"): ["secret_missing"],
        ("A", "staging"): [],
        ("A", "production"): ["secret_missing"],
        ("B", "staging"): ["secret_disabled"],
        ("C", "staging"): ["domain_not_allowed"],
        ("D", "staging"): ["secret_missing"],
    }
    assert [item["ready"] for item in items] == [False, True, False, False, False, False]
    assert items[-1]["problems"][0]["secret"] == "nothing.yet"


def test_switch_and_environments_of_the_integration_and_its_connector_count(caller, owner):
    store_secret(owner)
    connector = make_connector(owner, environments=[PRODUCTION])
    make_action(owner, "Through", uses="", auth_connector=str(connector.id))
    make_action(owner, "Off", enabled=False)
    make_action(owner, "Nowhere", environments=[])
    assert codes(caller.get("/readiness?environment=staging")["items"]) == {
        ("CRM bearer token", "staging"): ["environment_not_enabled"],
        ("Nowhere", "staging"): ["environment_not_enabled"],
        ("Off", "staging"): ["integration_disabled"],
        ("Through", "staging"): ["environment_not_enabled"],
    }
    assert codes(caller.get("/readiness")["items"])["Nowhere", None] == ["environment_not_enabled"]


def test_what_only_a_run_can_find_out_stands_in_nobodys_way(caller, owner):
    make_action(owner, uses="", base_url="http://api.example.com")
    assert warnings_for(Integration.objects.get())[0].certain is False
    assert caller.get("/readiness")["items"][0]["ready"] is True


def test_pages_follow_one_another_by_integration(caller, owner):
    for name in "CAB":
        make_action(owner, name, uses="", environments=[STAGING, PRODUCTION])
    first = caller.get("/readiness?limit=2")
    second = caller.get(f"/readiness?limit=2&cursor={first['next_cursor']}")
    names = [item["integration"]["name"] for page in (first, second) for item in page["items"]]
    assert (names, second["next_cursor"]) == (list("AABBCC"), None)


def test_readiness_is_for_keys_that_may_read_integrations_and_shows_only_those_on_their_list(owner, stranger):
    mine, _ = make_action(owner, "Mine", uses=""), make_action(owner, "Other", uses="")
    limited = Caller(key_for(owner, Scope.INTEGRATIONS_READ, integrations=[mine.id]))
    assert [item["integration"]["name"] for item in limited.get("/readiness")["items"]] == ["Mine"]
    assert stranger.get("/readiness")["items"] == []
    assert Caller(key_for(owner, Scope.SECRETS_READ)).problem("GET", "/readiness") == (403, "permission_denied")
    assert Caller(None).problem("GET", "/readiness") == (401, "unauthenticated")


@pytest.mark.parametrize("query", ["environment=live", "limit=0", "limit=201", "cursor=nonsense", "cursor=WzFd"])
def test_malformed_questions_are_refused(caller, query):
    assert caller.problem("GET", f"/readiness?{query}") == (422, "invalid")


@pytest.mark.parametrize("path", ["/readiness", "/integrations"])
def test_number_of_queries_does_not_grow_with_the_list(caller, owner, path):
    def queries():
        with CaptureQueriesContext(connection) as found:
            caller.get(path)
        return len(found)

    caller.get(path)
    store_secret(owner)
    connector = make_connector(owner)
    make_action(owner, "First", auth_connector=None, environments=Environment)
    make_action(owner, "With", uses="", auth_connector=str(connector.id))
    one = queries()
    for name in ("Second", "Third", "Fourth"):
        store_secret(owner, f"key.{name}")
        other = make_connector(owner, f"Connector of {name}", uses=f"key.{name}")
        make_action(owner, name, uses="", auth_connector=str(other.id), environments=Environment)
    assert queries() == one


def test_the_list_warns_as_the_single_integration_does(caller, owner):
    store_secret(owner, environments=[STAGING], allowed_domains=["other.example.com"])
    connector = make_connector(owner)
    make_action(owner, uses="", auth_connector=str(connector.id), environments=Environment)
    integrations.update_integration(
        actor=owner, integration_id=connector.id, changes=integrations.Changes(environments=[STAGING])
    )
    for listed in caller.get("/integrations")["items"]:
        single = warnings_for(Integration.objects.get(pk=listed["id"]))
        assert [(w["code"], w["detail"]) for w in listed["warnings"]] == [(w.code, w.detail) for w in single]
        assert listed == caller.get(f"/integrations/{listed['id']}")
