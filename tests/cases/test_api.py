"""What callers of the API misspell, and what they are told."""

import json

import pytest

from accounts.policy import Scope
from secrets_app.models import Secret
from tests.fixtures.api import Caller
from tests.support.things import key_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller(owner):
    return Caller(key_for(owner))


def errors(caller, path, body):
    response = caller.call("POST", path, body)
    assert response.status_code == 422, response.content
    return {error["field"]: error["message"] for error in response.json()["errors"]}


def test_query_parameter_that_a_call_does_not_have_is_refused(caller):
    found = errors(caller, "/secrets?dry_run=true", {"name": "crm.apiKey", "value": "a-value-of-the-crm"})
    assert list(found) == ["dry_run"]
    assert Secret.objects.count() == 0
    response = caller.call("GET", "/secrets?limitt=5")
    assert (response.status_code, "Did you mean limit?" in response.json()["errors"][0]["message"]) == (422, True)
    assert caller.call("GET", "/secrets?limit=5").status_code == 200


@pytest.mark.parametrize("value", ["off", "true", 1, 0, "1"])
def test_booleans_are_booleans(caller, value):
    body = {"name": "crm.apiKey", "value": "a-value-of-the-crm", "enabled": value}
    assert list(errors(caller, "/secrets", body)) == ["enabled"]


def test_whole_numbers_are_whole_numbers(caller):
    for value in ("90", 90.5, True):
        assert list(errors(caller, "/secrets", {"name": "crm.apiKey", "rotate_every_days": value})) == [
            "rotate_every_days"
        ]
    assert caller.post("/secrets", {"name": "crm.apiKey", "rotate_every_days": 90})["rotate_every_days"] == 90


def test_unknown_field_names_the_known_ones_and_the_nearest(caller):
    found = errors(caller, "/secrets", {"name": "crm.apiKey", "values": {"stagin": "x"}, "descripton": ""})
    assert "Did you mean staging? There are development, production, staging." in found["values.stagin"]
    assert "Did you mean description?" in found["descripton"]


def test_unknown_field_of_a_configuration_names_the_nearest(caller):
    config = {"type": "basic", "usernam": "x", "password": "{secrets.crm.apiKey}"}
    body = {"kind": "auth_connector", "name": "CRM", "environments": ["staging"], "config": config}
    assert "Did you mean username?" in errors(caller, "/integrations", body)["config.usernam"]
    body["kind"], body["config"] = (
        "api_action",
        {"method": "GET", "base_url": "https://a.example", "pth": "/", "body": {"typ": "json"}},
    )
    found = errors(caller, "/integrations", body)
    assert "Did you mean path?" in found["config.pth"]
    assert "Did you mean type? There are content, content_type, type." in found["config.body.typ"]


def test_who_may_not_learns_nothing_of_the_parameters(owner):
    caller = Caller(key_for(owner, Scope.RUN))
    assert caller.problem("GET", "/secrets?limitt=5") == (403, "permission_denied")


def test_refusal_says_how_to_confirm(caller):
    detail = caller.call("POST", "/secrets", {"name": "pin", "value": "1234"}).json()["detail"]
    assert "allow_short: true" in detail


EUROS = '{"type": "number", "default": 18.00, "enum": [18.00, 20.50, 1E2, 12345678901234567890.123]}'


@pytest.mark.usefixtures("inline")
def test_q12_defaults_and_choices_keep_their_spelling(upstream, caller):
    body = {"type": "json", "content": '{"price": "{params.price}", "text": "{params.price} EUR"}'}
    text = json.dumps(
        {"kind": "api_action", "name": "Price", "environments": ["staging"],
         "config": {"base_url": upstream.url, "method": "POST", "body": body, "timeout_seconds": 10,
                    "parameters": {"type": "object", "properties": {"price": "…"}}}}
    )  # fmt: skip
    created = caller.call("POST", "/integrations", raw=text.replace('"\\u2026"', EUROS).encode())
    place = f"/integrations/{created.json()['id']}"
    shown = caller.call("GET", place)
    for answer in (created, shown, caller.call("GET", f"{place}/operations")):
        assert EUROS in answer.content.decode()
    assert caller.post(f"{place}/run", {"environment": "staging"})["outcome"] == "succeeded"
    assert upstream.body == b'{"price": 18.00, "text": "18.00 EUR"}'
    caller.call("POST", f"{place}/run", {"environment": "staging", "params": {"price": 20.5}})
    assert upstream.body == b'{"price": 20.5, "text": "20.5 EUR"}'
    config = json.dumps(shown.json()["config"]).replace('"default": 18.0,', '"default": 18.000,')
    patched = caller.call("PATCH", place, raw=f'{{"config": {config}}}'.encode())
    assert '"default": 18.000, "enum": [18.0, ' in patched.content.decode()
    assert patched.json()["version"] == shown.json()["version"] + 1
