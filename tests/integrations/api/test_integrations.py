"""`/api/v1/integrations` and `/api/v1/runs`: every operation, its answer compared whole, and what bad input gets."""

from uuid import uuid4

import pytest

from accounts.common.environments import Environment
from integrations.models import Integration, Run
from tests.fixtures.api import Caller, when
from tests.support.things import (
    BASE_URL,
    key_for,
    make_action,
    make_connector,
    store_secret,
)

pytestmark = pytest.mark.django_db

D, S, P = Environment
HEADERS = [{"name": "Authorization", "value": "Bearer {secrets.crm.apiKey}"}]
CONFIG = {"base_url": BASE_URL, "method": "POST", "path": "/patients/{params.id}", "headers": HEADERS}
PARAMETERS = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
WHOLE_CONFIG = {
    **CONFIG,
    "connection": None,
    "auth_connector": None,
    "query": [],
    "body": {"type": "none", "content": None},
    "parameters": PARAMETERS,
    "timeout_seconds": 20,
    "max_argument_bytes": 65_536,
    "max_response_bytes": 1_048_576,
    "follow_redirects": False,
    "returns": {"type": "everything", "expression": ""},
    "check": None,
}


def expected(integration, **changes):
    integration.refresh_from_db()
    return {
        "id": str(integration.id),
        "kind": "api_action",
        "name": "Look up patient",
        "description": "",
        "tool_name": "look_up_patient",
        "only_approved_tools": True,
        "enabled": True,
        "disabled_at": None,
        "disabled_by": "",
        "disabled_why": "",
        "environments": ["staging"],
        "config": WHOLE_CONFIG,
        "references": [{"slot": "headers.Authorization", "name": "crm.apiKey", "exists": True, "last_used_at": None}],
        "warnings": [],
        "state": "ready",
        "failing_in": [],
        "created_at": when(integration.created_at),
        "updated_at": when(integration.updated_at),
        "version": 1,
        **changes,
    }


@pytest.fixture
def body():
    """What creates an action."""
    return {
        "kind": "api_action",
        "name": "Look up patient",
        "environments": ["staging", "staging"],
        "config": {**CONFIG, "parameters": PARAMETERS},
    }


def test_create(caller, owner, body):
    store_secret(owner)
    response = caller.call("POST", "/integrations", body)
    assert response.status_code == 201
    assert response.json() == expected(Integration.objects.get())


def test_create_with_a_name_that_does_not_exist_warns(caller, body):
    answer = caller.post("/integrations", body)
    assert answer["references"][0]["exists"] is False
    assert answer["warnings"] == [
        {
            "code": "secret_missing",
            "detail": "No secret is called crm.apiKey. Create it, or remove the reference.",
            "secret": "crm.apiKey",
            "environment": "staging",
        }
    ]


def test_read_edit_and_delete(caller, owner, body):
    store_secret(owner)
    path = f"/integrations/{caller.post('/integrations', body)['id']}"
    action = Integration.objects.get()
    assert caller.get(path) == expected(action)
    changed = caller.patch(path, {"name": "Find", "enabled": False, "environments": ["production", "development"]})
    assert (changed.pop("disabled_by"), bool(changed.pop("disabled_at"))) == ("API key agent", True)
    assert {**changed, "disabled_by": "", "disabled_at": None} == expected(
        action, name="Find", enabled=False, environments=["development", "production"], state="paused", version=2
    )
    assert caller.patch(path, {"config": {"base_url": BASE_URL, "method": "GET"}})["references"] == []
    response = caller.call("DELETE", path)
    assert (response.status_code, response.content) == (204, b"")
    assert caller.problem("GET", path) == (404, "not_found")


def test_edit_of_nothing_changes_nothing(caller, owner):
    action = make_action(owner)
    assert caller.patch(f"/integrations/{action.id}", {})["version"] == 1


@pytest.mark.parametrize(("tag", "status"), [('"1"', 200), ('"2"', 412), ("x", 422)])
def test_if_match(caller, owner, tag, status):
    action = make_action(owner)
    response = caller.call("PATCH", f"/integrations/{action.id}", {"name": "new"}, if_match=tag)
    assert response.status_code == status
    assert (Integration.objects.get().name == "new") == (status == 200)


def test_operations(caller, owner, body):
    path = f"/integrations/{caller.post('/integrations', body)['id']}"
    assert caller.get(f"{path}/operations") == {
        "items": [
            {
                "name": "call",
                "description": "POST /patients/{params.id}",
                "parameters": {**PARAMETERS, "additionalProperties": False},
                "read_only": False,
            }
        ],
        "next_cursor": None,
    }
    assert caller.get(f"/integrations/{make_connector(owner).id}/operations") == {"items": [], "next_cursor": None}


def test_connector_in_use_lists_its_dependants(caller, owner):
    connector = make_connector(owner)
    action = make_action(owner, uses="", auth_connector=str(connector.id))
    response = caller.call("DELETE", f"/integrations/{connector.id}")
    assert response.json() == {
        "type": "urn:coffer:problem:integration_in_use",
        "title": "Integration in use",
        "status": 409,
        "code": "integration_in_use",
        "detail": "CRM bearer token is used by 1 other integration. Change them first.",
        "dependants": [{"id": str(action.id), "name": "Look up patient", "kind": "api_action"}],
    }


def test_list_in_pages(caller, owner):
    for name in "cab":
        make_action(owner, name)
    seen, cursor = [], ""
    while cursor is not None:
        page = caller.get(f"/integrations?limit=2&cursor={cursor}")
        seen += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == ["a", "b", "c"]


QUERIES = {
    "": ["Billing", "CRM bearer token", "Look up"],
    "kind=auth_connector": ["CRM bearer token"],
    "environment=production": ["Billing", "CRM bearer token"],
    "q=LOOK": ["Look up"],
    "q=bill.key": ["Billing"],
    "secret=bill.key": ["Billing"],
    "secret=bill": [],
    "q=%00": ["Billing", "CRM bearer token", "Look up"],
}


@pytest.mark.parametrize(("query", "names"), QUERIES.items())
def test_filters(caller, owner, query, names):
    make_connector(owner)
    make_action(owner, "Look up", uses="")
    make_action(owner, "Billing", uses="bill.key", environments=[P])
    assert [item["name"] for item in caller.get(f"/integrations?{query}")["items"]] == names


def test_the_filter_by_secret_takes_its_id(caller, owner):
    make_action(owner, "Look up", uses="bill.key")
    secret = store_secret(owner, "bill.key")
    assert [item["name"] for item in caller.get(f"/integrations?secret={secret.pk}")["items"]] == ["Look up"]
    assert caller.errors("GET", f"/integrations?secret={uuid4()}") == ["secret"]


@pytest.mark.parametrize("query", ["environment=live", "limit=0", "cursor=zzz"])
def test_bad_query_names_its_field(caller, query):
    assert caller.errors("GET", f"/integrations?{query}") == [query.partition("=")[0]]


MARK = "canary-3f9a"
BAD = {
    "kind": ({"kind": "ftp"}, ["kind"]),
    "name": ({"name": ""}, ["name"]),
    "environment": ({"environments": ["live"]}, ["environments[0]"]),
    "unknown field": ({"colour": MARK}, ["colour"]),
    "unknown field of the configuration": ({"config": {**CONFIG, "colour": MARK}}, ["config.colour"]),
    "no configuration": ({"config": None}, ["config"]),
    "base URL": ({"config": {**WHOLE_CONFIG, "base_url": f"https://{MARK}@example.com"}}, ["config.base_url"]),
    "egress": ({"config": {**WHOLE_CONFIG, "base_url": "https://169.254.169.254"}}, ["config.base_url"]),
    "placeholder": ({"config": {**CONFIG, "path": "/{secrets.}"}}, ["config.path"]),
    "undeclared parameter": ({"config": CONFIG}, ["config.path"]),
    "half a surrogate pair": ({"description": "\ud800"}, ["description"]),
    "half a pair in the configuration": ({"config": {**CONFIG, "path": "/\ud800"}}, ["config.path"]),
    "NUL in the configuration": ({"config": {**CONFIG, "path": "/\0"}}, ["config.path"]),
    "NUL in the parameters": ({"config": {**CONFIG, "parameters": {"title": "\0"}}}, ["config.parameters"]),
    "header": (
        {"config": {**CONFIG, "headers": [*HEADERS, {"name": "Proxy-Authorization", "value": MARK}]}},
        ["config.headers[1].name"],
    ),
}


@pytest.mark.parametrize(("given", "fields"), BAD.values(), ids=BAD)
def test_bad_body_names_its_field_and_stores_nothing(caller, body, given, fields):
    response = caller.call("POST", "/integrations", {**body, **given})
    assert response.status_code == 422, response.content
    assert [error["field"] for error in response.json()["errors"]] == fields
    assert MARK not in response.text
    assert not Integration.objects.exists()


ON_ONE = [
    ("GET", "", None),
    ("PATCH", "", {"name": "x"}),
    ("DELETE", "", None),
    ("GET", "/operations", None),
    ("POST", "/run", {"environment": "staging"}),
    ("POST", "/test", {"environment": "staging"}),
]


@pytest.mark.usefixtures("inline")
@pytest.mark.parametrize(("method", "path", "body"), ON_ONE)
def test_integration_that_is_not_the_callers_does_not_exist(caller, stranger, owner, echoing, method, path, body):
    other = make_action(owner, "Other")
    limited = Caller(key_for(owner, integrations=[other.id]))
    for someone in (stranger, limited):
        hidden = someone.call(method, f"/integrations/{echoing.id}{path}", body)
        unknown = someone.call(method, f"/integrations/{uuid4()}{path}", body)
        assert hidden.status_code == 404
        assert hidden.content == unknown.content
    assert Integration.objects.get(pk=echoing.pk).name == "Look up patient"
    assert not Run.objects.exists()


@pytest.mark.usefixtures("inline")
def test_limited_key_sees_and_runs_its_own(owner, echoing):
    other = make_action(owner, "Other")
    limited = Caller(key_for(owner, integrations=[echoing.id]))
    assert [item["id"] for item in limited.get("/integrations")["items"]] == [str(echoing.id)]
    assert limited.post(f"/integrations/{echoing.id}/run", {"environment": "staging"})["status"] == 200
    Caller(key_for(owner)).call("POST", f"/integrations/{other.id}/run", {"environment": "production"})
    assert [item["integration"]["id"] for item in limited.get("/runs")["items"]] == [str(echoing.id)]


def test_limited_key_creates_none(owner, body):
    limited = Caller(key_for(owner, integrations=[uuid4()]))
    assert limited.problem("POST", "/integrations", body) == (403, "permission_denied")


def test_a_raw_credential_is_refused_unless_that_is_said(caller, body):
    body["config"]["headers"] = [{"name": "X-Api-Key", "value": "hunter2222"}]
    problem = caller.call("POST", "/integrations", body)
    assert (problem.status_code, problem.json()["code"]) == (422, "raw_credential")
    assert [error["field"] for error in problem.json()["errors"]] == ["config.headers[0].value"]
    stored = caller.post("/integrations", body | {"accept_raw_credentials": True})
    more = body["config"] | {"query": [{"name": "api_key", "value": "hunter3333"}]}
    path = f"/integrations/{stored['id']}"
    assert caller.call("PATCH", path, {"config": more}).json()["code"] == "raw_credential"
    assert caller.patch(path, {"config": more, "accept_raw_credentials": True})["version"] == 2


def test_copy_is_switched_off_and_has_a_name_of_its_own(caller, owner):
    store_secret(owner)
    action = make_action(owner)
    copy = caller.post(f"/integrations/{action.id}/duplicate", None)
    assert (copy["name"], copy["enabled"], copy["config"]) == ("Look up patient (copy)", False, action.config)
    assert [reference["name"] for reference in copy["references"]] == ["crm.apiKey"]
    assert caller.problem("POST", f"/integrations/{uuid4()}/duplicate") == (404, "not_found")


def test_key_for_certain_integrations_makes_no_copy(owner):
    action = make_action(owner, uses="")
    limited = Caller(key_for(owner, integrations=[action.id]))
    assert limited.problem("POST", f"/integrations/{action.id}/duplicate") == (403, "permission_denied")
    assert Integration.objects.count() == 1
