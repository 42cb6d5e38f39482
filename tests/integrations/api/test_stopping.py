"""Stops by API: all agents, and integrations with a reason."""

import pytest

from accounts.policy import Scope
from tests.fixtures.api import Caller
from tests.support.things import key_for, make_action, store_secret

pytestmark = pytest.mark.django_db

WHY = "Refunds went wrong"


def test_all_agents_are_stopped_this_one_too(owner, caller):
    stopper = Caller(key_for(owner, Scope.AGENTS_STOP))
    assert stopper.errors("POST", "/organization/stop", {"why": " "}) == ["why"]
    assert stopper.call("POST", "/organization/stop?dry_run=true", {"why": WHY}).json()["reason"] == WHY
    assert caller.get("/key")["name"]
    stopped = stopper.post("/organization/stop", {"why": WHY})
    assert (stopped["stopped_by"], stopped["reason"]) == ("API key agent", WHY)
    for one, method, path in ((caller, "GET", "/secrets"), (caller, "GET", "/key"), (stopper, "POST", "/sessions")):
        assert one.problem(method, path, {} if method == "POST" else None) == (403, "agents_stopped")
    members = caller.call("GET", "/key").json()
    assert {name: members[name] for name in stopped} == stopped


@pytest.mark.usefixtures("inline")
def test_a_disabled_integration_says_who_and_why(owner, caller):
    store_secret(owner)
    action = make_action(owner)
    path = f"/integrations/{action.pk}"
    changed = caller.patch(path, {"enabled": False, "disabled_why": WHY})
    assert (changed["disabled_by"], changed["disabled_why"]) == ("API key agent", WHY)
    refused = caller.call("POST", f"{path}/run", {"environment": "staging"}).json()
    assert (refused["code"], refused["stopped_by"], refused["reason"]) == ("integration_disabled", "API key agent", WHY)
    assert f"was disabled by API key agent (“{WHY}”)" in refused["detail"]
    again = caller.patch(path, {"enabled": True})
    assert (again["disabled_at"], again["disabled_by"], again["disabled_why"]) == (None, "", "")
    assert caller.errors("PATCH", path, {"enabled": False, "disabled_why": "x" * 301}) == ["why"]
