"""What callers of the API misspell, and what they are told."""

import json

import pytest

from accounts.models import AuditEvent
from accounts.policy import Scope
from integrations.models import Integration
from secrets_app.models import Secret, SecretValue
from tests.fixtures.api import Caller
from tests.support.things import key_for, make_action, store_secret

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]


@pytest.fixture
def caller(owner):
    return Caller(key_for(owner))


def errors(caller, path, body):
    response = caller.call("POST", path, body)
    assert response.status_code == 422, response.content
    return {error["field"]: error["message"] for error in response.json()["errors"]}


def test_query_parameter_that_a_call_does_not_have_is_refused(caller):
    found = errors(caller, "/secrets?dryrun=true", {"name": "crm.apiKey", "value": "a-value-of-the-crm"})
    assert list(found) == ["dryrun"]
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


ACTION = {"kind": "api_action", "name": "Look up", "config": {"method": "GET", "base_url": "https://a.example"}}
TWO_FAULTS = {
    "a secret": ("POST", "/secrets", {"name": "no name!", "value": "short", "enabled": "off", "rotate": 1},
                 ["enabled", "rotate", "name", "values.development", "values.staging", "values.production"]),
    "a secret without a name": ("POST", "/secrets", {"allowed_domains": ["*"]}, ["name", "allowed_domains[0]"]),
    "an edit": ("PATCH", "/secrets/{secret}", {"description": 1, "name": "no name!"}, ["description", "name"]),
    "a staged value": ("PUT", "/secrets/{secret}/rotation/staging", {"value": "x", "allow_short": 1},
                       ["allow_short", "value"]),
    "an integration": ("POST", "/integrations", {**ACTION, "name": "", "enabled": 1, "config": {"method": "GO"}},
                       ["enabled", "name", "config.method"]),
    "an integration without a kind": ("POST", "/integrations", {"name": ""}, ["kind", "config", "name"]),
    "a change": ("PATCH", "/integrations/{integration}", {"environments": ["stagin"], "name": ""},
                 ["environments[0]", "name"]),
    "an import": ("POST", "/secrets/import",
                  {"environment": "staging", "dotenv": "A_KEY=x", "dry_run": False, "leave_out": "B"},
                  ["leave_out", "dotenv"]),
    "a dry run of an import": ("POST", "/secrets/import",
                               {"environment": "staging", "dotenv": "A_KEY=x", "dry_run": True, "allow_short": "yes"},
                               ["allow_short", "dotenv"]),
    "an import of nothing": ("POST", "/secrets/import", {"environment": "staging", "names": {"A": 1}},
                             ["dotenv", "names.A"]),
    "an import without an environment": ("POST", "/secrets/import", {"dotenv": "A_KEY=x", "dry_run": 1},
                                         ["environment", "dry_run"]),
}  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "fields"), TWO_FAULTS.values(), ids=TWO_FAULTS)
def test_wrong_types_and_broken_rules_come_in_one_answer(method, path, body, fields, owner, caller):
    secret, integration = store_secret(owner), make_action(owner)
    before = (secret.version, integration.version)
    response = caller.call(method, path.format(secret=secret.id, integration=integration.id), body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid")
    assert [error["field"] for error in response.json()["errors"]] == fields
    assert "short" not in response.content.decode().replace("allow_short", "")
    secret.refresh_from_db()
    integration.refresh_from_db()
    assert (Secret.objects.count(), Integration.objects.count(), secret.version, integration.version) == (1, 1, *before)


def test_a_wrong_type_alone_stores_nothing(owner, caller):
    secret, integration = store_secret(owner), make_action(owner)
    events = AuditEvent.objects.count()
    for method, path, body in (
        ("POST", "/secrets", {"name": "crm.other", "value": "value-of-crm", "enabled": 1}),
        ("PATCH", f"/secrets/{secret.id}", {"description": "new", "enabled": 1}),
        ("PUT", f"/secrets/{secret.id}/rotation/staging", {"value": "value-of-crm", "allow_short": 1}),
        ("POST", "/integrations", {**ACTION, "enabled": 1}),
        ("POST", "/secrets/import", {"environment": "staging", "dotenv": "B_KEY=value-of-b", "allow_short": 1}),
        ("PATCH", f"/integrations/{integration.id}", {"description": "new", "enabled": 1}),
    ):
        (error,) = caller.call(method, path, body).json()["errors"]
        assert error["field"] in {"enabled", "allow_short"}
    assert (Secret.objects.count(), Integration.objects.count(), AuditEvent.objects.count()) == (1, 1, events)
    assert not SecretValue.objects.filter(state="staged").exists()


def test_who_may_not_write_is_told_that_alone(owner):
    caller = Caller(key_for(owner, Scope.SECRETS_READ))
    assert caller.problem("POST", "/secrets", {"name": "no name!", "enabled": 1}) == (403, "permission_denied")


@pytest.mark.usefixtures("inline")
@pytest.mark.parametrize("given", ["00000000-0000-0000-0000-000000000000", "7", "crm.apiKey", "%20", "A" * 36])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/secrets/{}"),
        ("DELETE", "/secrets/{}"),
        ("GET", "/secrets/{}/references"),
        ("POST", "/secrets/{}/rotation/staging/check"),
        ("GET", "/integrations/{}"),
        ("DELETE", "/integrations/{}"),
        ("GET", "/integrations/{}/operations"),
    ],
)
def test_absent_and_malformed_ids_are_the_same_404_with_the_name_of_the_thing(method, path, given, caller):
    problem = caller.call(method, path.format(given)).json()
    thing = "secret" if path.startswith("/secrets") else "integration"
    assert (problem["status"], problem["detail"]) == (404, f"No such {thing}.")


@pytest.mark.usefixtures("inline")
def test_a_foreign_id_is_the_same_404(caller, outsider):
    secret, integration = store_secret(outsider), make_action(outsider)
    for path, thing in ((f"/secrets/{secret.id}", "secret"), (f"/integrations/{integration.id}", "integration")):
        assert caller.call("GET", path).json()["detail"] == f"No such {thing}."
    run = {"environment": "staging"}
    for given in (integration.id, "nonsense"):
        problem = caller.call("POST", f"/integrations/{given}/run", run).json()
        assert (problem["status"], problem["detail"]) == (404, "No such integration.")


def test_an_address_that_does_not_exist_is_told_as_one(caller):
    for path in ("/secret", "/secrets/7/nothing", "/integrations/7/runs", "/runs/7"):
        assert caller.call("GET", path).json()["detail"] == "No such address."


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/integrations?kind=action", "kind"),
        ("/integrations?environment=prod", "environment"),
        ("/secrets?status=on", "status"),
        ("/secrets?environment=Staging", "environment"),
        ("/readiness?environment=prod", "environment"),
        ("/runs?outcome=ok", "outcome"),
        ("/runs?integration=7", "integration"),
        ("/audit-events?event=login", "event"),
        ("/audit-events?outcome=ok", "outcome"),
    ],
)
def test_filters_take_known_values_alone(path, field, caller):
    assert caller.errors("GET", path) == [field]


def test_a_kind_filters(caller, owner):
    make_action(owner)
    assert len(caller.get("/integrations?kind=api_action")["items"]) == 1
    assert caller.get("/integrations?kind=calcom")["items"] == []
