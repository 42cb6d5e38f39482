"""Cal.com by API: created, described, tested and run."""

import pytest

from accounts.policy import Scope
from integrations.broker.memory import back_off
from integrations.models import Run
from tests.fixtures.api import Caller
from tests.peers.calcom import FREE, KEY, calcom_server
from tests.support.things import key_for, store_secret

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline")]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr("integrations.broker.channel.BACK_OFF", back_off.BackOff())


@pytest.fixture
def server():
    with calcom_server() as found:
        yield found


@pytest.fixture
def calendar(caller, owner, server):
    store_secret(owner, "calcom.key", KEY)
    config = {"base_url": server.url, "api_key": "{secrets.calcom.key}", "event_type_id": 42, "time_zone": "UTC"}
    body = {"kind": "calcom", "name": "Calendar", "environments": ["staging"], "config": config}
    return caller.post("/integrations", body)


def test_it_is_described_with_typed_parameters(caller, calendar):
    assert calendar["references"][0]["slot"] == "auth.api_key"
    assert calendar["warnings"] == []
    operations = {found["name"]: found for found in caller.get(f"/integrations/{calendar['id']}/operations")["items"]}
    assert list(operations) == [
        "me",
        "list_event_types",
        "list_slots",
        "create_booking",
        "reschedule_booking",
        "cancel_booking",
    ]
    assert [found["read_only"] for found in operations.values()] == [True, True, True, False, False, False]
    booking = operations["create_booking"]["parameters"]
    assert booking["required"] == ["start", "attendee_name"]
    assert booking["properties"]["event_type_id"]["default"] == 42
    assert booking["additionalProperties"] is False


def test_it_is_tested_and_run(caller, calendar):
    tested = caller.post(f"/integrations/{calendar['id']}/test", {"environment": "staging"})
    assert (tested["ok"], tested["steps"][0]["name"]) == (True, "sign_in")
    params = {"start": FREE, "attendee_name": "Lena", "attendee_email": "lena@example.com"}
    body = {"environment": "staging", "operation": "create_booking", "params": params}
    answer = caller.post(f"/integrations/{calendar['id']}/run", body)
    assert (answer["outcome"], answer["status"], answer["body"]["data"]["uid"]) == ("succeeded", 201, "new-uid")


def test_a_pause_is_a_problem_that_says_when_to_come_back(caller, calendar, server):
    server.say = ("429 Too Many Requests", ("Retry-After: 30",), b"{}")
    body = {"environment": "staging", "operation": "me"}
    path = f"/integrations/{calendar['id']}/run"
    assert caller.post(path, body)["status"] == 429
    refused = caller.call("POST", path, body)
    document = refused.json()
    assert (refused.status_code, document["code"]) == (429, "rate_limited")
    assert int(refused.headers["Retry-After"]) == document["retry_after_seconds"] <= 30
    record = Run.objects.get(pk=document["run_id"])
    assert (record.outcome, record.error_code, record.status) == ("refused", "rate_limited", None)


def test_arguments_are_refused_by_name(caller, calendar, server):
    body = {"environment": "staging", "operation": "create_booking", "params": {"start": "x", "attendee_name": "L"}}
    refused = caller.call("POST", f"/integrations/{calendar['id']}/run", body).json()
    assert refused["code"] == "invalid_arguments"
    assert [error["field"] for error in refused["errors"]] == ["params.start", "params.attendee_email"]
    assert server.calls == []


def test_a_key_without_the_scope_may_not(owner, calendar):
    reader = Caller(key_for(owner, Scope.INTEGRATIONS_READ))
    path, body = f"/integrations/{calendar['id']}/run", {"environment": "staging", "operation": "me"}
    assert reader.problem("POST", path, body) == (403, "permission_denied")
