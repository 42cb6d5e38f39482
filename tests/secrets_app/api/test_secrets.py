"""`/api/v1/secrets`: every operation, its answer compared whole, and what bad input gets."""

from uuid import uuid4

import pytest

from accounts.common.environments import Environment
from accounts.policy import Scope
from integrations.models import SecretReference
from secrets_app.models import Secret, SecretValue
from tests.fixtures.api import Caller, when
from tests.support.databases.stored_values import all_stored_values
from tests.support.things import (
    VALUE,
    key_for,
    make_action,
    store_secret,
)

pytestmark = pytest.mark.django_db

S = Environment.STAGING
NO_ROTATION = {"staged_at": None, "rollback_until": None}
MISSING = {"state": "missing", "version": None, "updated_at": None, "updated_by": None, **NO_ROTATION}


def expected(secret, **changes):
    """The whole answer about a secret that has no value and no use."""
    secret.refresh_from_db()
    return {
        "id": str(secret.id),
        "name": secret.name,
        "reference": f"{{secrets.{secret.name}}}",
        "description": "",
        "enabled": True,
        "status": "active",
        "environments": {"development": MISSING, "staging": MISSING, "production": MISSING},
        "allowed_domains": [],
        "is_identifier": False,
        "required_in": [],
        "usage_count": 0,
        "integration_count": 0,
        "last_used_at": None,
        "rotate_every_days": None,
        "rotation_due_at": None,
        "expires_on": None,
        "created_at": when(secret.created_at),
        "updated_at": when(secret.updated_at),
        "version": 1,
        **changes,
    }


def state(environment, version=1, by="API key agent"):
    row = SecretValue.objects.current().get(environment=environment)
    return {"state": "set", "version": version, "updated_at": when(row.created_at), "updated_by": by, **NO_ROTATION}


def test_create_with_one_value_for_every_environment(caller):
    answer = caller.post("/secrets", {"name": "crm.apiKey", "value": VALUE, "description": "CRM"})
    environments = {environment.value: state(environment.value) for environment in Environment}
    assert answer == expected(Secret.objects.get(), description="CRM", environments=environments, warnings=[])
    assert all_stored_values() == dict.fromkeys(("development", "staging", "production"), VALUE)
    assert len(set(SecretValue.objects.values_list("entered_once", flat=True)) - {None}) == 1


def test_create_with_a_value_for_one_environment(caller):
    answer = caller.post(
        "/secrets",
        {
            "name": "crm.apiKey",
            "values": {"staging": VALUE, "production": "", "development": None},
            "allowed_domains": ["API.Example.com"],
            "enabled": False,
            "rotate_every_days": 30,
        },
    )
    secret = Secret.objects.get()
    environments = {"development": MISSING, "staging": state("staging"), "production": MISSING}
    assert answer.pop("rotation_due_at") > answer["created_at"]
    whole = expected(
        secret,
        status="disabled",
        enabled=False,
        environments=environments,
        allowed_domains=["api.example.com"],
        rotate_every_days=30,
    )
    whole.pop("rotation_due_at")
    assert answer == whole | {"warnings": []}


def test_create_answers_201_and_takes_no_value_at_all(caller):
    response = caller.call("POST", "/secrets", {"name": "later"})
    assert (response.status_code, response.json()) == (201, expected(Secret.objects.get(), warnings=[]))


def test_read_one(caller, owner):
    secret = store_secret(owner, environments=[S])
    make_action(owner, environments=[Environment.PRODUCTION])
    environments = {"development": MISSING, "staging": state("staging", by="Mara Lindqvist"), "production": MISSING}
    whole = expected(secret, environments=environments, usage_count=1, integration_count=1, status="missing")
    assert caller.get(f"/secrets/{secret.id}") == whole


def test_list_with_missing_names_first(caller, owner):
    secret = store_secret(owner, "a", environments=[])
    make_action(owner, uses="z.missing")
    missing = expected(
        secret,
        id=None,
        name="z.missing",
        reference="{secrets.z.missing}",
        status="missing",
        usage_count=1,
        created_at=None,
        updated_at=None,
        version=None,
    )
    assert caller.get("/secrets") == {"items": [missing, expected(secret)], "next_cursor": None}


def test_edit_keeps_what_is_left_out(caller, owner):
    secret = store_secret(owner, description="CRM", rotate_every_days=30, allowed_domains=["a.example.com"])
    answer = caller.patch(f"/secrets/{secret.id}", {"values": {"staging": "second-value", "production": ""}})
    assert (answer["version"], answer["description"], answer["rotate_every_days"]) == (2, "CRM", 30)
    assert answer["allowed_domains"] == ["a.example.com"]
    assert all_stored_values() == {"development": VALUE, "staging": "second-value", "production": VALUE}


def test_null_removes_the_value_of_an_environment(caller, owner):
    secret = store_secret(owner)
    answer = caller.patch(f"/secrets/{secret.id}", {"values": {"production": None}})
    assert answer["environments"]["production"] == MISSING
    assert set(all_stored_values()) == {"development", "staging"}


def test_null_for_every_environment_at_once_is_refused(caller, owner):
    secret = store_secret(owner)
    assert caller.errors("PATCH", f"/secrets/{secret.id}", {"value": None}) == ["value"]
    assert len(all_stored_values()) == 3


def test_one_value_goes_into_every_environment_and_a_named_one_wins(caller, owner):
    secret = store_secret(owner, environments=[S])
    caller.patch(f"/secrets/{secret.id}", {"value": "for-every-one", "values": {"production": "for-production"}})
    assert all_stored_values() == {
        "development": "for-every-one",
        "staging": "for-every-one",
        "production": "for-production",
    }


def test_null_ends_the_rotation_interval(caller, owner):
    secret = store_secret(owner, rotate_every_days=30)
    assert caller.patch(f"/secrets/{secret.id}", {"description": "x"})["rotate_every_days"] == 30
    assert caller.patch(f"/secrets/{secret.id}", {"rotate_every_days": None})["rotate_every_days"] is None


def test_expiry_is_a_day_and_null_removes_it(caller, owner):
    secret = store_secret(owner)
    assert caller.patch(f"/secrets/{secret.id}", {"expires_on": "2031-03-31"})["expires_on"] == "2031-03-31"
    assert caller.patch(f"/secrets/{secret.id}", {"description": "x"})["expires_on"] == "2031-03-31"
    assert caller.patch(f"/secrets/{secret.id}", {"expires_on": None})["expires_on"] is None


def test_edit_of_nothing_changes_nothing(caller, owner):
    secret = store_secret(owner, environments=[])
    assert caller.patch(f"/secrets/{secret.id}", {}) == expected(secret, warnings=[])


def test_switching_off_and_on(caller, owner):
    secret = store_secret(owner)
    assert caller.patch(f"/secrets/{secret.id}", {"enabled": False})["status"] == "disabled"
    assert caller.patch(f"/secrets/{secret.id}", {"enabled": True})["status"] == "active"


@pytest.mark.parametrize(
    ("tag", "status"), [('"1"', 200), ("*", 200), ('"2"', 412), ('"0"', 412), ("1", 422), ('W/"1"', 200)]
)
def test_if_match(caller, owner, tag, status):
    secret = store_secret(owner)
    response = caller.call("PATCH", f"/secrets/{secret.id}", {"description": "new"}, if_match=tag)
    assert response.status_code == status
    assert (Secret.objects.get().description == "new") == (status == 200)
    if status == 412:
        assert response.json()["code"] == "edit_conflict"


def test_change_of_domains_needs_values(caller, owner):
    secret = store_secret(owner, environments=[S])
    path, body = f"/secrets/{secret.id}", {"allowed_domains": ["api.example.com"]}
    assert caller.problem("PATCH", path, body) == (422, "value_required")
    assert caller.errors("PATCH", path, body) == ["values.staging"]
    assert caller.patch(path, {**body, "values": {"staging": VALUE}})["allowed_domains"] == ["api.example.com"]


def test_delete_of_an_unused_secret(caller, owner):
    secret = store_secret(owner)
    response = caller.call("DELETE", f"/secrets/{secret.id}")
    assert (response.status_code, response.content) == (204, b"")
    assert caller.problem("GET", f"/secrets/{secret.id}") == (404, "not_found")


def reference_to(action, slot="headers.Authorization", environments=("staging",)):
    return {
        "integration": {"id": str(action.id), "name": action.name, "kind": "api_action"},
        "slot": slot,
        "environments": list(environments),
        "last_used_at": None,
    }


def test_delete_of_a_used_secret_lists_its_references(caller, owner):
    secret, action = store_secret(owner), make_action(owner)
    response = caller.call("DELETE", f"/secrets/{secret.id}")
    assert response.json() == {
        "type": "urn:coffer:problem:secret_in_use",
        "title": "The secret is in use",
        "status": 409,
        "code": "secret_in_use",
        "detail": response.json()["detail"],
        "references": [reference_to(action)],
    }
    assert "used by 1 reference." in response.json()["detail"]


def test_references_in_pages(caller, owner):
    secret = store_secret(owner)
    actions = [make_action(owner, name) for name in ("B", "A", "C")]
    first = caller.get(f"/secrets/{secret.id}/references?limit=2")
    assert first["items"] == [reference_to(actions[1]), reference_to(actions[0])]
    rest = caller.get(f"/secrets/{secret.id}/references?limit=2&cursor={first['next_cursor']}")
    assert rest == {"items": [reference_to(actions[2])], "next_cursor": None}


def test_references_of_one_integration_in_pages(caller, owner):
    secret = store_secret(owner)
    query = [{"name": name, "value": "{secrets.crm.apiKey}"} for name in "abc"]
    make_action(owner, query=query)
    seen, cursor = [], ""
    for _ in range(4):
        page = caller.get(f"/secrets/{secret.id}/references?limit=1&cursor={cursor}")
        seen += [item["slot"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert sorted(seen) == ["headers.Authorization", "query.a", "query.b", "query.c"]
    assert cursor is None


def test_inventory_in_pages(caller, owner):
    for name in "cab":
        store_secret(owner, f"s{name}", environments=[])
    seen, cursor = [], ""
    while cursor is not None:
        page = caller.get(f"/secrets?limit=1&cursor={cursor}")
        seen += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == ["sa", "sb", "sc"]


QUERIES = {
    "status=missing": ["gone", "needed"],
    "status=active": ["plain"],
    "status=disabled": [],
    "environment=staging": ["plain"],
    "environment=staging&status=missing": ["gone", "needed"],
    "q=PLA": ["plain"],
    "name=plain": ["plain"],
    "name=PLAIN": [],
    "unused_days=1": ["needed", "plain"],
    "q=%00": ["gone", "needed", "plain"],
    "q=%ED%A0%80": [],
    "name=%00": ["gone", "needed", "plain"],
}


@pytest.mark.parametrize(("query", "names"), QUERIES.items())
def test_filters(caller, owner, query, names):
    store_secret(owner, "plain", environments=[S])
    store_secret(owner, "needed", environments=[])
    make_action(owner, "One", uses="needed")
    make_action(owner, "Two", uses="gone")
    assert [item["name"] for item in caller.get(f"/secrets?{query}")["items"]] == names


@pytest.fixture
def in_staging(owner):
    """A program that may act in Staging alone."""
    return Caller(key_for(owner, *Scope, environments=[S]))


def test_environments_of_the_key_bound_what_it_writes(in_staging, owner):
    secret = store_secret(owner)
    path = f"/secrets/{secret.id}"
    denied = (403, "permission_denied")
    assert in_staging.problem("POST", "/secrets", {"name": "a", "value": VALUE}) == denied
    assert in_staging.problem("POST", "/secrets", {"name": "a", "values": {"production": VALUE}}) == denied
    assert in_staging.problem("PATCH", path, {"values": {"production": None}}) == denied
    assert in_staging.problem("DELETE", path) == denied
    assert in_staging.patch(path, {"values": {"staging": "second-value"}, "description": "x"})["version"] == 2
    assert all_stored_values() == {"development": VALUE, "staging": "second-value", "production": VALUE}
    assert in_staging.post("/secrets", {"name": "a", "values": {"staging": VALUE}})["name"] == "a"


def test_values_of_no_answer_hold_a_value(caller, owner):
    secret = store_secret(owner)
    action = make_action(owner)
    answers = [
        caller.call("GET", "/secrets"),
        caller.call("GET", f"/secrets/{secret.id}"),
        caller.call("GET", f"/secrets/{secret.id}/references"),
        caller.call("PATCH", f"/secrets/{secret.id}", {"value": "another-" + VALUE}),
        caller.call("DELETE", f"/secrets/{secret.id}"),
        caller.call("GET", f"/integrations/{action.id}"),
    ]
    assert not [answer for answer in answers if VALUE in answer.text]


def test_secret_of_another_organization_does_not_exist(stranger, owner):
    secret = store_secret(owner)
    make_action(owner)
    assert stranger.get("/secrets") == {"items": [], "next_cursor": None}
    for method, path, body in (
        ("GET", f"/secrets/{secret.id}", None),
        ("PATCH", f"/secrets/{secret.id}", {"description": "x"}),
        ("DELETE", f"/secrets/{secret.id}", None),
        ("GET", f"/secrets/{secret.id}/references", None),
    ):
        foreign = stranger.call(method, path, body)
        unknown = stranger.call(method, path.replace(str(secret.id), str(uuid4())), body)
        assert foreign.status_code == 404
        assert foreign.content == unknown.content
    assert Secret.objects.get().description == ""


def test_uses_in_another_organization_do_not_count(caller, owner, outsider):
    secret = store_secret(owner)
    make_action(outsider)
    assert caller.get(f"/secrets/{secret.id}")["usage_count"] == 0
    assert SecretReference.objects.count() == 1


def test_a_value_that_is_required_and_not_there_is_missing(owner, caller):
    made = caller.post("/secrets", {"name": "crm.key", "required_in": ["production", "staging"], "value": ""})
    assert (made["required_in"], made["status"]) == (["staging", "production"], "missing")
    path = f"/secrets/{made['id']}"
    assert caller.patch(path, {"values": {"staging": VALUE}})["status"] == "missing"
    assert [row["name"] for row in caller.get("/secrets?status=missing&environment=production")["items"]] == ["crm.key"]
    assert caller.get("/secrets?status=missing&environment=staging")["items"] == []
    bound = Caller(key_for(owner, environments=[Environment.STAGING]))
    assert bound.problem("PATCH", path, {"required_in": []}) == (403, "permission_denied")
    assert bound.patch(path, {"required_in": ["production"]})["status"] == "missing"
    assert caller.patch(path, {"required_in": []})["status"] == "active"
