"""Calls that a person has to approve, by API: 202, reading, waiting, and the call that is made in the end."""

import pytest
from django.utils import timezone

from accounts.policy import Scope
from integrations.api.approvals import endpoints
from integrations.approvals.deciding import approve, deny
from integrations.models import Approval, Integration
from tests.fixtures.api import Caller
from tests.support.things import key_for

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline")]

RUN = {"environment": "staging"}


@pytest.fixture
def path(echoing):
    Integration.objects.filter(pk=echoing.pk).update(rules=[{"decision": "ask"}])
    return f"/integrations/{echoing.pk}/run"


def held(caller, path, **members):
    response = caller.call("POST", path, RUN | members)
    assert response.status_code == 202, response.content
    assert response.headers["Location"] == f"/api/v1/approvals/{response.json()['id']}"
    return response.json()


def test_a_call_waits_is_approved_and_made(caller, owner, path):
    waiting = held(caller, path, reason="Because.")
    assert (waiting["state"], waiting["reason"], waiting["asked"]) == ("waiting", "Because.", "an owner or admin")
    assert held(caller, path)["id"] == waiting["id"]
    assert caller.get("/approvals?state=waiting")["items"][0]["id"] == waiting["id"]
    approve(actor=owner, approval_id=waiting["id"])
    assert caller.get(f"/approvals/{waiting['id']}")["state"] == "approved"
    made = caller.post(path, RUN | {"approval": waiting["id"]})
    found = caller.get(f"/approvals/{waiting['id']}")
    assert (found["state"], found["run"]["outcome"], found["run"]["id"]) == ("used", "succeeded", made["run_id"])
    assert caller.get("/approvals?state=waiting")["items"] == []
    assert caller.problem("POST", path, RUN | {"approval": waiting["id"]}) == (409, "approval_used")


def test_a_denial_is_told(caller, owner, path):
    deny(actor=owner, approval_id=held(caller, path)["id"], note="Not today.")
    response = caller.call("POST", path, RUN)
    assert (response.status_code, response.json()["code"]) == (403, "approval_denied")
    assert "Not today." in response.json()["detail"]


def test_another_key_does_not_see_it(caller, owner, path):
    waiting = held(caller, path)
    other = Caller(key_for(owner, Scope.RUN))
    assert other.problem("GET", f"/approvals/{waiting['id']}") == (404, "not_found")
    assert other.get("/approvals")["items"] == []
    assert other.problem("POST", path, RUN | {"approval": waiting["id"]}) == (404, "not_found")


@pytest.mark.parametrize(
    "member", [{"reason": "x" * 501}, {"reason": "\u202e"}, {"when": "later"}, {"approval": "x"}], ids=str
)
def test_a_malformed_wish_names_its_field(caller, path, member):
    assert caller.errors("POST", path, RUN | member) == list(member)
    assert not Approval.objects.exists()


def test_waiting_ends_with_the_decision(caller, owner, path, monkeypatch):
    waiting = held(caller, path)
    looked = []

    def look(actor, approval_id, before=endpoints._look):
        looked.append(approval_id)
        if len(looked) == 3:
            approve(actor=owner, approval_id=approval_id)
        return before(actor, approval_id)

    monkeypatch.setattr(endpoints, "_look", look)
    monkeypatch.setattr(endpoints, "LOOK_EVERY", 0.01)
    assert caller.get(f"/approvals/{waiting['id']}?wait=60")["state"] == "approved"
    assert len(looked) == 3
    assert caller.errors("GET", f"/approvals/{waiting['id']}?wait=61") == ["wait"]


def test_nobody_waits_where_too_many_do(caller, path, monkeypatch):
    waiting = held(caller, path)
    monkeypatch.setattr(endpoints, "WAITING_AT_MOST", 0)
    assert caller.get(f"/approvals/{waiting['id']}?wait=60")["state"] == "waiting"


def test_what_is_known_is_not_sent_again(caller, path):
    waiting = held(caller, path)
    first = caller.call("GET", f"/approvals/{waiting['id']}")
    again = caller.call("GET", f"/approvals/{waiting['id']}", if_none_match=first.headers["ETag"])
    assert again.status_code == 304


def test_with_an_idempotency_key_a_call_that_waits_was_not_carried_out(caller, owner, path):
    key = {"idempotency_key": "a-key-of-mine"}
    first = caller.call("POST", path, RUN, **key)
    approve(actor=owner, approval_id=first.json()["id"])
    made = caller.call("POST", path, RUN, **key)
    again = caller.call("POST", path, RUN, **key)
    assert [first.status_code, made.status_code, again.status_code] == [202, 200, 200]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Approval.objects.filter(state="used", used_at__lte=timezone.now()).count() == 1
