"""`PUT` and `GET` of secrets and integrations by name: created once, changed where something differs, never doubled."""

import pytest

from accounts.common.environments import Environment
from accounts.models import AuditEvent
from integrations.models import Integration
from secrets_app.models import Secret
from tests.fixtures.api import Caller
from tests.support.databases.undone import failures
from tests.support.things import BASE_URL, key_for, make_action, make_connection, make_connector, store_secret

pytestmark = pytest.mark.django_db

S = Environment.STAGING
SECRET, ACTION = "/secrets/by-name/crm.token", "/integrations/by-name/Look up patient"
CONFIG = {"connection": "CRM API", "method": "GET", "path": "/patients"}
NEW_ACTION = {"kind": "api_action", "environments": ["staging"], "config": CONFIG}


def events():
    return list(AuditEvent.objects.filter(outcome="done").order_by("sequence").values_list("event", flat=True))


def test_a_secret_is_created_then_changed_and_then_left_alone(caller):
    body = {"description": "Of the CRM", "values": {"staging": "correct-horse-battery"}, "rotate_every_days": 90}
    first = caller.call("PUT", SECRET, body)
    assert (first.status_code, first.json()["name"], first.json()["version"]) == (201, "crm.token", 1)
    assert first.json()["environments"]["staging"]["state"] == "set"
    changed = caller.call("PUT", SECRET, {"description": "Of the CRM, for agents"})
    assert (changed.status_code, changed.json()["version"], changed.json()["rotate_every_days"]) == (200, 2, 90)
    written = events()
    same = caller.call("PUT", SECRET, {"description": "Of the CRM, for agents", "enabled": True})
    assert (same.status_code, same.json()["version"], events()) == (200, 2, written)
    assert caller.get(SECRET) | {"warnings": []} == same.json()


def test_a_value_is_stored_as_often_as_it_is_given(caller):
    """To say that it is the stored one would let callers try values."""
    body = {"values": {"staging": "correct-horse-battery"}}
    versions = [caller.call("PUT", SECRET, body).json()["environments"]["staging"]["version"] for _ in range(2)]
    assert versions == [1, 2]


def test_an_integration_is_created_then_changed_and_then_left_alone(owner, caller):
    connection, connector = make_connection(owner), make_connector(owner, uses="crm.token")
    first = caller.call("PUT", ACTION, NEW_ACTION)
    assert (first.status_code, first.json()["config"]["connection"]) == (201, str(connection.pk))
    with_connector = {"config": {**CONFIG, "auth_connector": "CRM bearer token"}}
    changed = caller.call("PUT", ACTION, with_connector)
    assert (changed.status_code, changed.json()["config"]["auth_connector"]) == (200, str(connector.pk))
    assert changed.json()["environments"] == ["staging"]
    written = events()
    assert caller.call("PUT", ACTION, with_connector).json()["version"] == 2
    as_read = {"config": caller.get(ACTION)["config"], "kind": "api_action"}
    assert caller.call("PUT", ACTION, as_read).json()["version"] == 2
    assert events() == written
    assert Integration.objects.filter(name="Look up patient").count() == 1


def test_names_of_integrations_may_have_any_visible_character(caller):
    body = {"kind": "auth_connector", "config": {"type": "bearer", "token": "{secrets.a.b}"}}
    assert (
        caller.call("PUT", "/integrations/by-name/CRM%2F%C3%A9%20%3Fx/by-name", body).json()["name"]
        == "CRM/é ?x/by-name"
    )
    assert caller.get("/integrations/by-name/CRM/%C3%A9%20%3Fx/by-name")["kind"] == "auth_connector"


def test_headers_say_what_the_caller_knows(owner, caller):
    def refused(path, body, headers):
        assert caller.problem("PUT", path, body, **headers) == (412, "edit_conflict")

    for path, body in ((SECRET, {}), (ACTION, {"kind": "calcom", "config": {"api_key": "{secrets.cal}"}})):
        refused(path, body, {"if_match": '"1"'})
        assert caller.call("PUT", path, body, if_none_match="*").status_code == 201
        refused(path, body, {"if_none_match": "*"})
        refused(path, body, {"if_match": '"7"'})
        assert caller.call("PUT", path, {"description": "x"}, if_match='"1"').status_code == 200
        assert caller.errors("PUT", path, body, if_none_match='"1"') == ["If-None-Match"]


WRONG_CASE = NEW_ACTION | {"config": {**CONFIG, "connection": "crm api"}}
REFUSED = {
    ("PUT", "/secrets/by-name/CRM.Token", "name"): {},
    ("PUT", f"/secrets/by-name/{'x' * 129}", "name"): {},
    ("PUT", "/secrets/by-name/crm.token", "values.staging"): {"values": {"staging": "short"}},
    ("PUT", "/secrets/by-name/crm.token", "nmae"): {"nmae": "x"},
    ("PUT", "/integrations/by-name/look UP patient", "name"): NEW_ACTION,
    ("PUT", "/integrations/by-name/Look up patient", "kind"): {"kind": "calcom"},
    ("PUT", "/integrations/by-name/New", "kind config"): {},
    ("PUT", "/integrations/by-name/New", "config"): {"kind": "api_action"},
    ("PUT", "/integrations/by-name/New", "config.connection"): WRONG_CASE,
    ("PUT", "/integrations/by-name/New", "config.connection "): NEW_ACTION | {
        "config": {**CONFIG, "connection": "Look up patient"}
    },
    ("PUT", "/integrations/by-name/New", "config.headers[0].value"): {
        **NEW_ACTION,
        "config": {**CONFIG, "headers": [{"name": "X-Key", "value": "sk_live_4eC39HqLyjWDarjtT1zdp7dc"}]},
    },
}  # fmt: skip


def test_what_is_refused(owner, caller):
    make_connection(owner)
    make_action(owner)
    store_secret(owner, "crm.token")
    kept = Secret.objects.count(), Integration.objects.count()

    def attempt(case):
        method, path, fields = case
        assert caller.errors(method, path, REFUSED[case]) == fields.split()
        assert (Secret.objects.count(), Integration.objects.count()) == kept

    assert failures(REFUSED, attempt) == {}
    assert caller.problem("GET", "/secrets/by-name/CRM.Token") == (404, "not_found")
    assert caller.problem("GET", "/integrations/by-name/look up patient") == (404, "not_found")
    sentences = [
        caller.call("PUT", path, NEW_ACTION if "integ" in path else {}).json()["errors"][0]["message"]
        for path in ("/secrets/by-name/CRM.Token", "/integrations/by-name/look UP patient")
    ]
    assert "crm.token" in sentences[0]
    assert "Look up patient" in sentences[1]


def test_bounds_of_a_key_are_those_of_every_change(owner, caller, stranger):
    make_connection(owner, environments=Environment)
    action = make_action(owner, environments=[Environment.PRODUCTION], uses="")
    store_secret(owner, "crm.token", environments=[Environment.PRODUCTION])
    staging = Caller(key_for(owner, environments=[S]))
    listed = Caller(key_for(owner, integrations=[action.pk]))

    def attempt(case):
        who, path, body = case
        assert who.problem("PUT", path, body) == (403, "permission_denied")

    secret_there = {"values": {"production": "correct-horse-battery"}}
    alone = {"kind": "auth_connector", "config": {"type": "bearer", "token": "{secrets.crm.token}"}}
    new = "/integrations/by-name/New"
    cases = {
        "a value elsewhere": (staging, SECRET, secret_there),
        "a secret of elsewhere": (staging, SECRET, {"enabled": False}),
        "an integration of elsewhere": (staging, ACTION, {"enabled": False}),
        "an environment of elsewhere": (staging, new, NEW_ACTION | {"environments": ["production"]}),
        "one more integration": (listed, new, alone),
    }  # fmt: skip
    assert failures(cases, lambda name: attempt(cases[name])) == {}
    assert listed.call("PUT", ACTION, {"description": "x"}).status_code == 200
    assert stranger.problem("GET", ACTION) == (404, "not_found")
    assert stranger.call("PUT", SECRET, {}).status_code == 201
    assert Secret.objects.filter(name="crm.token").count() == 2
    assert BASE_URL in str(caller.get(ACTION)["config"])
