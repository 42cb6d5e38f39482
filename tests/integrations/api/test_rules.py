"""`/integrations/{id}/rules`: reading, replacing and trying rules."""

from uuid import uuid4

import pytest

from accounts.models import AuditEvent
from accounts.policy import Scope
from integrations.models import Integration, Run
from tests.fixtures.api import Caller
from tests.support.things import key_for, make_action, make_connection

pytestmark = pytest.mark.django_db

AMOUNT = {"type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"]}
AT_MOST_100 = {"properties": {"amount": {"maximum": 100}}}
RULES = [
    {"operation": "call", "decision": "allow", "arguments": AT_MOST_100, "limit": {"calls": 5, "per": "minute"}},
    {"environments": ["production"], "decision": "ask", "ask": {"minutes": 10, "proof": True}},
    {"decision": "deny", "hours": {"days": ["sunday"], "time_zone": "Europe/Berlin"}},
]


@pytest.fixture
def action(owner):
    return make_action(owner, uses="", parameters=AMOUNT, path="/{params.amount}")


@pytest.fixture
def path(action):
    return f"/integrations/{action.pk}/rules"


def test_rules_are_replaced_and_read_as_they_were_written(caller, path):
    assert caller.get(path) == {"rules": [], "version": 1}
    assert caller.call("PUT", path, {"rules": RULES}).json() == {"rules": RULES, "version": 2}
    assert caller.get(path)["rules"] == RULES
    assert caller.call("PUT", path, {"rules": RULES}).json()["version"] == 2  # nothing changed
    assert caller.call("PUT", path, {"rules": []}).json() == {"rules": [], "version": 3}
    changed = AuditEvent.objects.filter(event="integration.rules_changed").order_by("sequence")
    assert [(event.data["rules_before"], len(event.data["rules"])) for event in changed] == [(0, 3), (3, 0)]
    assert "maximum" not in str(changed[0].data)


def test_somebody_who_saved_meanwhile_is_not_overwritten(caller, path):
    caller.call("PUT", path, {"rules": RULES})
    assert caller.problem("PUT", path, {"rules": []}, **{"If-Match": '"1"'}) == (412, "edit_conflict")
    assert caller.call("PUT", path, {"rules": []}, **{"If-Match": '"2"'}).status_code == 200


def test_a_copy_has_the_rules_of_its_original(owner, caller, path, action):
    caller.call("PUT", path, {"rules": RULES})
    copy = caller.call("POST", f"/integrations/{action.pk}/duplicate", {}).json()
    assert Integration.objects.get(pk=copy["id"]).rules == RULES


def test_a_key_that_manages_integrations_does_not_set_the_rules_that_bind_it(owner, caller, path):
    manager = Caller(key_for(owner, Scope.INTEGRATIONS_WRITE, Scope.RUN))
    assert manager.problem("PUT", path, {"rules": []}) == (403, "permission_denied")
    assert manager.get(path)["rules"] == []


NO_RULES = [
    ({"decision": "deny", "limit": {"calls": 1, "per": "day"}}, "rules[0].limit"),
    ({"decision": "allow", "ask": {"minutes": 5}}, "rules[0].ask"),
    ({"decision": "allow", "operation": "refund"}, "rules[0].operation"),
    ({"decision": "allow", "operation": "call_tool:refund"}, "rules[0].operation"),
    ({"decision": "deny", "arguments": AT_MOST_100}, "rules[0].operation"),
    (
        {"decision": "deny", "operation": "call", "arguments": {"properties": {"sum": {"const": 1}}}},
        "rules[0].arguments",
    ),
    (
        {"decision": "deny", "operation": "call", "arguments": {"not": {"required": ["sum"]}}},
        "rules[0].arguments",
    ),
    (
        {"decision": "deny", "operation": "call", "arguments": {"$ref": "https://example.com"}},
        "rules[0].arguments",
    ),
    (
        {"decision": "deny", "operation": "call", "arguments": {"properties": {"amount": {"pattern": "(?=a)"}}}},
        "rules[0].arguments",
    ),
    (
        {"decision": "deny", "operation": "call", "arguments": {"properties": {"amount": {"maximum": "1"}}}},
        "rules[0].arguments.properties.amount.maximum",
    ),
    ({"decision": "deny", "hours": {"time_zone": "Mars/Olympus"}}, "rules[0].hours.time_zone"),
    ({"decision": "deny", "keys": [str(uuid4())]}, "rules[0].keys"),
    ({"decision": "ask", "ask": {"approvers": [str(uuid4())]}}, "rules[0].ask.approvers"),
    ({"decision": "never"}, "rules[0].decision"),
    ({"decision": "allow", "limit": {"calls": 0, "per": "day"}}, "rules[0].limit.calls"),
    ({"decision": "allow", "limits": {}}, "rules[0].limits"),
]


def test_what_cannot_be_a_rule_is_refused_by_its_field(caller, path):
    for rule, field in NO_RULES:
        assert caller.errors("PUT", path, {"rules": [rule]}) == [field], rule
        assert Integration.objects.get().rules == [], rule


def test_at_most_fifty_rules_of_tools_and_connections_too(owner, caller, path):
    assert caller.errors("PUT", path, {"rules": [{"decision": "ask"}] * 51}) == ["rules"]
    connection = f"/integrations/{make_connection(owner).pk}/rules"
    assert caller.call("PUT", connection, {"rules": [{"decision": "ask"}]}).status_code == 200
    assert caller.errors("PUT", connection, {"rules": [{"decision": "ask", "operation": "call"}]}) == [
        "rules[0].operation"
    ]


def test_what_would_happen_is_told_and_nothing_happens(owner, caller, path):
    caller.call("PUT", path, {"rules": RULES})

    def tried(amount, environment="staging", **more):
        body = {"environment": environment, "params": {"amount": amount}, **more}
        found = caller.call("POST", path + "/try", body).json()
        return found["decision"], found["code"], found["rule"] and found["rule"]["index"]

    assert tried(180) == ("deny", "argument_not_allowed", 0)
    assert tried(20) == ("allow", None, 0)
    assert tried("20") == ("deny", "invalid_arguments", None)
    limits = caller.call("POST", path + "/try", {"environment": "staging", "params": {"amount": 1}}).json()["limits"]
    assert [(limit["calls"], limit["per"], limit["used"]) for limit in limits] == [(5, "minute", 0)]
    assert not Run.objects.exists()


def test_a_call_of_a_key_is_tried_with_its_rules(owner, caller, path, action):
    key_for(owner, Scope.RUN)
    key = owner.organization.api_keys.latest("created_at").pk
    caller.call("PUT", path, {"rules": [{"decision": "deny", "keys": [str(key)]}]})
    body = {"environment": "staging", "params": {"amount": 1}}
    assert caller.call("POST", path + "/try", body).json()["decision"] == "allow"
    assert caller.call("POST", path + "/try", body | {"key": str(key)}).json()["decision"] == "deny"
    assert caller.errors("POST", path + "/try", body | {"key": str(uuid4())}) == ["key"]
