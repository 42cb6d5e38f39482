"""`POST /secrets/import`: the dry run, the import, its bounds and its refusals."""

import json

import pytest

from accounts.common.environments import Environment
from secrets_app.models import Secret
from tests.fixtures.api import Caller
from tests.support.things import key_for, store_secret

pytestmark = pytest.mark.django_db

PATH = "/secrets/import"
TEXT = "HUBSPOT_API_KEY=value-of-hubspot\ncrm.apiKey='Bearer value-of-the-crm'\nEMPTY=\n"

NOTHING_TO_TELL = {"note": "", "warnings": [], "references": [], "looks_like_setting": False}
SCHEME = "The value starts with a scheme such as “Bearer ”. Usually the integration adds it."


def body(**fields):
    return {"environment": "staging", "dotenv": TEXT, "dry_run": False, **fields}


def test_dry_run_tells_everything_and_the_import_does_it(caller, owner):
    secret = store_secret(owner)
    dry = caller.post(PATH, body(dry_run=True))
    assert dry == {
        "environment": "staging",
        "dry_run": True,
        "created": [{"line": 1, "name": "HUBSPOT_API_KEY", "id": None, **NOTHING_TO_TELL}],
        "replaced": [
            {
                "line": 2,
                "name": "crm.apiKey",
                "id": str(secret.id),
                **NOTHING_TO_TELL,
                "warnings": [{"code": "scheme", "field": "crm.apiKey", "message": SCHEME}],
            }
        ],
        "skipped": [{"line": 3, "name": "EMPTY", "reason": "It has no value."}],
        "refused": [],
    }
    done = caller.post(PATH, body())
    created = Secret.objects.get(name="HUBSPOT_API_KEY")
    assert done == {**dry, "dry_run": False, "created": [{**dry["created"][0], "id": str(created.id)}]}
    states = caller.get(f"/secrets/{created.id}")["environments"]
    assert {name: state["state"] for name, state in states.items()} == {
        "development": "missing",
        "staging": "set",
        "production": "missing",
    }


def test_refused_lines_are_told_with_a_proposal_and_stop_the_import(caller):
    text = TEXT + "2FA=value-of-the-seed\npostgres://user:canary@host/db?x=1\n"
    refused = caller.post(PATH, body(dotenv=text, dry_run=True))["refused"]
    assert [(line["line"], line["name"], line["code"], line["proposed_name"]) for line in refused] == [
        (4, "2FA", "invalid", "FA"),
        (5, None, "invalid", None),
    ]
    assert "canary" not in json.dumps(refused)
    assert caller.problem("POST", PATH, body(dotenv=text)) == (422, "invalid")
    assert caller.errors("POST", PATH, body(dotenv=text)) == ["dotenv", "dotenv"]
    assert Secret.objects.count() == 0


def test_short_values_need_allow_short(caller):
    assert caller.problem("POST", PATH, body(dotenv="DEBUG=1")) == (422, "value_too_short")
    assert caller.post(PATH, body(dotenv="DEBUG=1", allow_short=True))["created"][0]["name"] == "DEBUG"


def test_key_imports_into_its_environments_alone(owner):
    caller = Caller(key_for(owner, environments=[Environment.STAGING]))
    for dry_run in (True, False):
        refused = caller.problem("POST", PATH, body(environment="production", dry_run=dry_run))
        assert refused == (403, "permission_denied")
    assert caller.post(PATH, body())["created"]


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"environment": "live"}, ["environment"]),
        ({"environment": None}, ["environment"]),
        ({"dotenv": None}, ["dotenv"]),
        ({"dotenv": ["A=b"]}, ["dotenv"]),
        ({"dry_run": "canary"}, ["dry_run"]),
        ({"names": []}, ["names"]),
        ({"leave_out": "A"}, ["leave_out"]),
        ({"names": {"HUBSPOT_API_KEY": "a\0b"}}, ["dotenv"]),
        ({"names": {"HUBSPOT_API_KEY": "\ud800"}}, ["dotenv"]),
        ({"names": {"HUBSPOT_API_KEY": "x" * 5000}}, ["dotenv"]),
        ({"renamed": {}}, ["renamed"]),
        ({"dotenv": "x" * 1_048_577}, ["dotenv"]),
        ({"dotenv": "A=value-of-it\n" * 5_001}, ["dotenv"]),
    ],
)
def test_malformed_input_names_the_field(caller, fields, errors):
    assert caller.errors("POST", PATH, body(**fields)) == errors


def test_body_above_the_cap_is_413_and_says_the_cap(caller):
    response = caller.call("POST", PATH, body(dotenv="x" * 3_000_000))
    assert (response.status_code, response.json()["code"]) == (413, "too_large")
    assert "2.5 MiB" in response.json()["detail"]


def test_two_thousand_long_lines_fit_into_one_call(caller):
    text = "".join(f'KEY_{n}="{"value " * 80}{n}"\n' for n in range(2000))
    assert len(caller.post(PATH, body(dotenv=text))["created"]) == 2000


def test_surrogates_are_refused_and_not_stored(caller):
    assert caller.errors("POST", PATH, raw=b'{"environment": "staging", "dotenv": "A=value-\\ud800-of-it"}') == [
        "dotenv"
    ]
