"""`/imports`: looking, importing, comparing and updating by API."""

import json

import pytest

from accounts.policy import Scope
from integrations.models import Integration
from secrets_app.models import Secret
from tests.fixtures.api import Caller
from tests.support.integrations.imports import CURL, DOCUMENT, KEYS
from tests.support.things import key_for

pytestmark = pytest.mark.django_db

TEXT = json.dumps(DOCUMENT)
CREDENTIAL = "sk_live_4fG7hJ2kLm9Qw3Er"


def test_look_import_compare_and_update(caller):
    seen = caller.post("/imports/preview", {"document": TEXT})
    assert (seen["form"], seen["plan"], [each["key"] for each in seen["operations"]]) == (
        "OpenAPI 3.1.0", None, list(KEYS),
    )  # fmt: skip
    body = {"document": TEXT, "operations": KEYS[:1]}
    plan = caller.post("/imports/preview", body)["plan"]
    assert (plan["problems"], plan["secrets"][0]["name"], plan["secrets"][0]["has_value"]) == (
        [],
        "clinic.token",
        False,
    )
    assert plan["actions"][0]["config"]["query"] == [{"name": "limit", "value": "{params.limit}"}]
    assert Integration.objects.count() == 0

    made = caller.call("POST", "/imports", body | {"secret_names": {"clinic.token": "crm.token"}})
    assert made.status_code == 201
    assert {name: [each["name"] for each in made.json()[name]] for name in ("connectors", "secrets", "actions")} == {
        "connectors": ["Clinic CRM: token"],
        "secrets": ["crm.token"],
        "actions": ["List contacts"],
    }
    path = f"/imports/{made.json()['id']}"
    newer = json.loads(TEXT)
    newer["paths"]["/contacts"]["get"]["description"] = "Newest first"
    changes = caller.post(f"{path}/preview", {"document": json.dumps(newer)})["changes"]
    assert [(each["kind"], each["key"], each["fields"]) for each in changes] == [
        ("changed", KEYS[0], ["description"]),
        ("offered", KEYS[1], []),
    ]
    update = {"document": json.dumps(newer), "change": KEYS[:1], "add": KEYS[1:]}
    done = caller.post(f"{path}/update", update)
    assert [[each["name"] for each in done[name]] for name in ("changed", "added")] == [
        ["List contacts"],
        ["Delete a contact"],
    ]
    assert caller.call("POST", f"{path}/update", update).status_code == 412


def test_a_credential_in_a_command_is_stored_and_not_returned(caller):
    body = {"document": CURL, "operations": ["POST /v1/contacts"]}
    answers = [caller.call("POST", path, body) for path in ("/imports/preview", "/imports")]
    assert [each.status_code for each in answers] == [200, 201]
    assert [CREDENTIAL in each.content.decode() for each in answers] == [False, False]
    assert answers[0].json()["plan"]["secrets"][0]["has_value"] is True


def test_a_refusal_names_the_line_and_nothing_is_made(caller):
    refused = caller.call("POST", "/imports", {"document": "openapi: 3.1.0\npaths: 5", "operations": KEYS})
    assert refused.status_code == 422
    assert [(each["field"], each["line"]) for each in refused.json()["errors"]] == [("document", 2)]
    assert (Integration.objects.count(), Secret.objects.count()) == (0, 0)


def test_keys_are_bound(owner, caller, stranger):
    without_secrets = Caller(key_for(owner, Scope.INTEGRATIONS_WRITE))
    refused = without_secrets.call("POST", "/imports", {"document": TEXT, "operations": KEYS[:1]})
    assert (refused.status_code, Integration.objects.count()) == (403, 0)
    import_id = caller.post("/imports", {"document": CURL, "operations": ["POST /v1/contacts"]})["id"]
    path, body = f"/imports/{import_id}/preview", {"document": CURL}
    assert stranger.call("POST", path, body).status_code == 404
    reader = Caller(key_for(owner, Scope.INTEGRATIONS_READ))
    assert reader.call("POST", "/imports/preview", body).status_code == 403
