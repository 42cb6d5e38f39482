"""Running and testing integrations through the API, and the list of runs."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from accounts.common.environments import Environment
from accounts.models import ApiKey, User
from accounts.policy import Scope
from integrations.models import Run
from integrations.runs import reading
from tests import factories
from tests.fixtures.api import Caller, when
from tests.support.things import VALUE, key_for, make_action, store_secret

pytestmark = [pytest.mark.each_database, pytest.mark.django_db]

MARK = "canary-3f9a"
D, S, P = Environment
STEPS = ["admitted", "opened", "judged", "sent", "answered", "masked", "recorded"]


@pytest.mark.usefixtures("inline")
def test_run(caller, echoing):
    answer = caller.post(f"/integrations/{echoing.id}/run", {"environment": "staging"})
    run = Run.objects.get()
    assert "Authorization: Bearer [redacted]\r\n" in answer.pop("body")
    names = {header["name"]: header["value"] for header in answer.pop("headers")}
    assert names["X-Id"] == "7"
    assert answer == {
        "run_id": str(run.id),
        "outcome": "succeeded",
        "status": 200,
        "body_type": "text",
        "media_type": None,
        "masked": ["crm.apiKey"],
        "withheld": None,
        "duration_ms": run.duration_ms,
    }
    assert run.caller == "API key agent"


@pytest.mark.usefixtures("inline")
def test_run_that_is_refused_carries_its_record(caller, owner):
    action = make_action(owner)
    response = caller.call("POST", f"/integrations/{action.id}/run", {"environment": "staging", "operation": "call"})
    assert response.json() == {
        "type": "urn:coffer:problem:secret_missing",
        "title": "Secret missing",
        "status": 409,
        "code": "secret_missing",
        "detail": "No secret is called crm.apiKey. Create it, or remove the reference.",
        "secret": "crm.apiKey",
        "run_id": str(Run.objects.get().id),
    }


@pytest.mark.usefixtures("inline")
def test_check(caller, echoing):
    answer = caller.post(f"/integrations/{echoing.id}/test", {"environment": "staging"})
    step = {"name": "request", "outcome": "passed", "code": None, "detail": "The upstream answered 200."}
    assert answer == {"ok": True, "steps": [step]}


@pytest.mark.usefixtures("inline")
def test_check_that_fails_or_cannot_be_made_is_not_ok(caller, owner):
    declared = make_action(owner, "A", check={"method": "GET", "path": "/me"})
    found = []
    for action in (declared, make_action(owner, "B")):
        answer = caller.post(f"/integrations/{action.id}/test", {"environment": "staging"})
        found.append((answer["ok"], answer["steps"][0]["outcome"], answer["steps"][0]["code"]))
    assert found == [(False, "failed", "secret_missing"), (False, "not_checkable", None)]


BAD_RUNS = {
    "no environment": ({}, "invalid", ["environment"]),
    "unknown environment": ({"environment": "live"}, "invalid", ["environment"]),
    "unknown field": ({"environment": "staging", "url": "https://evil.example.com"}, "invalid", ["url"]),
    "params of another type": ({"environment": "staging", "params": []}, "invalid", ["params"]),
    "unknown argument": ({"environment": "staging", "params": {"x": MARK}}, "invalid_arguments", ["params.x"]),
    "unknown operation": ({"environment": "staging", "operation": "x" * 999}, "invalid_arguments", ["operation"]),
}


@pytest.mark.usefixtures("inline")
@pytest.mark.parametrize(("given", "code", "fields"), BAD_RUNS.values(), ids=BAD_RUNS)
def test_bad_run_names_its_field(caller, echoing, given, code, fields):
    response = caller.call("POST", f"/integrations/{echoing.id}/run", given)
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert [error["field"] for error in response.json()["errors"]] == fields
    assert MARK not in response.text
    assert Run.objects.exists() == (code == "invalid_arguments")


@pytest.mark.usefixtures("inline")
@pytest.mark.parametrize("verb", ["run", "test"])
def test_environments_of_the_key_bound_runs(owner, echoing, verb):
    caller = Caller(key_for(owner, Scope.RUN, environments=[D, P]))
    path = f"/integrations/{echoing.id}/{verb}"
    assert caller.problem("POST", path, {"environment": "staging"}) == (403, "permission_denied")
    assert not Run.objects.exists()


@pytest.mark.usefixtures("inline")
def test_ledger(caller, owner, echoing):
    caller.post(f"/integrations/{echoing.id}/run", {"environment": "staging"})
    run = Run.objects.get()
    assert caller.get("/runs") == {
        "items": [
            {
                "id": str(run.id),
                "integration": {"id": str(echoing.id), "name": "Look up patient", "kind": "api_action"},
                "operation": "call",
                "note": "",
                "environment": "staging",
                "caller": "API key agent",
                "outcome": "succeeded",
                "code": None,
                "host": "127.0.0.1",
                "status": 200,
                "duration_ms": run.duration_ms,
                "secrets": [{"id": str(run.secrets.get().secret_id), "name": "crm.apiKey", "version": 1}],
                "started_at": when(run.started_at),
            }
        ],
        "next_cursor": None,
    }


def record(owner, number, **columns):
    """A run of another integration each, an hour apart."""
    moment = {"started_at": datetime(2026, 3, 1, number, tzinfo=UTC), **columns}
    return factories.RunFactory(organization=owner.organization, integration_name=f"run {number}", **moment)


def test_runs_come_newest_first_in_pages(caller, owner):
    same = datetime(2026, 3, 1, 9, tzinfo=UTC)
    for number in (1, 3, 2):
        record(owner, number)
    ties = {record(owner, number, started_at=same).integration_name for number in (4, 5)}
    seen, cursor = [], ""
    while cursor is not None:
        page = caller.get(f"/runs?limit=1&cursor={cursor}")
        seen += [item["integration"]["name"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert (set(seen[:2]), seen[2:]) == (ties, ["run 3", "run 2", "run 1"])


def names(caller, query=""):
    return [item["integration"]["name"] for item in caller.get(f"/runs?{query}")["items"]]


def test_filters_of_runs(caller, owner, stranger):
    first = record(owner, 1, environment="production", outcome="refused", error_code="secret_missing")
    second = record(owner, 2)
    used = uuid4()
    second.secrets.create(secret_id=used, name="a", version=1, started_at=second.started_at)
    expected_names = {
        "": ["run 2", "run 1"],
        f"integration={first.integration_id}": ["run 1"],
        f"secret={used}": ["run 2"],
        "environment=production": ["run 1"],
        "outcome=succeeded": ["run 2"],
        "since=2026-03-01T02:00:00Z": ["run 2"],
        "since=2026-03-01T02:00:00": ["run 2"],
        "until=2026-03-01T02:00:00Z": ["run 1"],
        "since=2026-03-01T03:00:00%2B01:00": ["run 2"],
        "since=9999-12-31T23:59:59Z": [],
    }
    assert {query: names(caller, query) for query in expected_names} == expected_names
    assert names(stranger) == []


def test_filters_of_runs_take_names(caller, owner, member, stranger):
    action, secret = make_action(owner, "CRM look-up"), store_secret(owner)
    key = ApiKey.objects.get(name="agent", organization=owner.organization)
    record(owner, 1, integration_id=action.id)
    second = record(owner, 2, principal_id=key.pk)
    second.secrets.create(secret_id=secret.pk, name=secret.name, version=1, started_at=second.started_at)
    record(owner, 3, principal_id=member.id)
    expected_names = {
        "integration=CRM look-up": ["run 1"],
        f"secret={secret.name}": ["run 2"],
        "caller=agent": ["run 2"],
        f"caller={User.objects.get(pk=member.id).email}": ["run 3"],
    }
    assert {query: names(caller, query) for query in expected_names} == expected_names
    key_for(owner)
    assert caller.errors("GET", "/runs?caller=agent") == ["caller"]
    assert stranger.errors("GET", "/runs?integration=CRM look-up") == ["integration"]


def test_more_filters_of_runs(caller, owner):
    key = uuid4()
    failed = record(owner, 1, failed=True, principal_id=key, operation="contacts.search")
    record(owner, 2, outcome="upstream_error", status=503)
    expected_names = {
        f"caller={key}": ["run 1"],
        "code=upstream_timeout": ["run 1"],
        "status=503": ["run 2"],
        "status=5xx": ["run 2"],
        "q=contacts": ["run 1"],
        f"q={failed.pk}": ["run 1"],
        "q=nothing": [],
    }
    assert {query: names(caller, query) for query in expected_names} == expected_names


@pytest.mark.usefixtures("inline")
def test_one_run_has_its_steps(caller, echoing):
    made = caller.post(f"/integrations/{echoing.id}/run", {"environment": "staging"})
    out, run = caller.get(f"/runs/{made['run_id']}"), Run.objects.get()
    assert [step["name"] for step in out["steps"]] == STEPS
    assert (out["address"], out["answer_bytes"], out["caller_kind"]) == ("127.0.0.1", run.answer_bytes, "api_key")
    assert (out["caller_id"], out["principal_id"]) == (str(run.caller_id), str(run.caller_id))
    assert caller.problem("GET", f"/runs/{uuid4()}") == (404, "not_found")


@pytest.mark.parametrize(("media_type", "lines"), [("text/csv", 3), ("application/x-ndjson", 2)])
def test_runs_are_streamed_as_files(caller, owner, monkeypatch, media_type, lines):
    monkeypatch.setattr(reading, "BATCH", 1)
    for number in (1, 2, 3):
        record(owner, number, environment="staging" if number < 3 else "production")
    response = caller.call("GET", "/runs?environment=staging", accept=media_type)
    text = b"".join(response).decode() if response.streaming else response.text
    assert response.headers["Content-Type"].partition(";")[0] == media_type
    assert len(text.splitlines()) == lines and text.index("run 2") < text.index("run 1")


BAD_RUN_QUERIES = [
    "caller=x",
    "status=99",
    "status=9xx",
    "integration=x",
    "secret=x",
    "environment=live",
    "outcome=fine",
    "since=yesterday",
    "until=0001-01-01T00:00:00%2B14:00",
    "since=9999-12-31T23:59:59-14:00",
    "limit=0",
    "cursor=W10",
    "cursor=WyJ4IiwieSJd",
    "cursor=WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwIiwiMDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAwIl0",
]


@pytest.mark.parametrize("query", BAD_RUN_QUERIES)
def test_bad_query_of_runs_names_its_field(caller, query):
    assert caller.errors("GET", f"/runs?{query}") == [query.partition("=")[0]]


def test_no_answer_holds_a_value(caller, owner, echoing):
    assert VALUE not in caller.call("GET", "/integrations").text
    assert VALUE not in caller.call("GET", f"/integrations/{echoing.id}").text


def test_key_that_calls_too_often_is_told_when_to_try_again(owner, inline):
    store_secret(owner)
    caller = Caller(key_for(owner, max_per_minute=1))
    path = f"/integrations/{make_action(owner).id}/run"
    caller.call("POST", path, {"environment": "staging"})
    response = caller.call("POST", path, {"environment": "staging"})
    document = response.json()
    assert (response.status_code, document["code"]) == (429, "rate_limited")
    assert response.headers["Retry-After"] == str(document["retry_after_seconds"])
    assert "run_id" not in document
