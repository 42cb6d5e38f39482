"""What the rules say of a call: the strictest that applies decides."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import uuid4

import pytest

from accounts.actors import ActorKind
from accounts.common.environments import Environment
from integrations.errors import ArgumentNotAllowed, DeniedByRule
from integrations.models import Integration
from integrations.rules.conditions import holds_at, mismatch
from integrations.rules.judging import Asked, judge
from integrations.rules.shape import Hours, Rule

KEY, SESSION = uuid4(), uuid4()
AT_MOST_100 = {"properties": {"amount": {"type": "number", "maximum": 100}}, "required": ["amount"]}
OVER_50 = {"not": {"properties": {"amount": {"type": "number", "maximum": 50}}, "required": ["amount"]}}
MONDAY_NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def actor(**fields):
    organization = SimpleNamespace(asks_unless_read_only=fields.pop("asks_unless_read_only", False))
    return SimpleNamespace(kind=ActorKind.API_KEY, id=KEY, key_id=KEY, organization=organization, **fields)


def integration(*rules, kind="api_action"):
    return Integration(id=uuid4(), name="Refund", kind=kind, rules=list(rules))


def asked(*rules, **fields):
    values = {
        "links": [integration(*rules)],
        "operation": "call",
        "params": {"amount": 180},
        "environment": Environment.PRODUCTION,
        "actor": actor(),
        "moment": MONDAY_NOON,
        "is_read_only": lambda: False,
    }
    return Asked(**values | fields)


@pytest.mark.parametrize(
    ("rules", "decision"),
    [
        ([], "allow"),
        ([{"decision": "ask"}], "ask"),
        ([{"decision": "deny"}], "deny"),
        ([{"decision": "allow"}, {"decision": "ask"}, {"decision": "deny"}], "deny"),
        ([{"decision": "allow"}, {"decision": "ask"}], "ask"),
        ([{"decision": "deny", "operation": "another"}], "allow"),
        ([{"decision": "deny", "operation": "call"}], "deny"),
        ([{"decision": "deny", "environments": ["staging", "development"]}], "allow"),
        ([{"decision": "deny", "environments": ["production"]}], "deny"),
        ([{"decision": "deny", "keys": [str(uuid4())]}], "allow"),
        ([{"decision": "deny", "keys": [str(uuid4()), str(KEY)]}], "deny"),
        ([{"decision": "ask", "operation": "call", "arguments": OVER_50}], "ask"),
        ([{"decision": "allow", "operation": "call", "arguments": AT_MOST_100}], "deny"),
        ([{"decision": "deny", "hours": {"start": "08:00", "end": "18:00"}}], "deny"),
        ([{"decision": "deny", "hours": {"start": "08:00", "end": "18:00", "outside": True}}], "allow"),
        ([{"decision": "allow", "hours": {"days": ["tuesday"]}}], "deny"),
    ],
)
def test_the_strictest_that_applies_decides(rules, decision):
    assert judge(asked(*rules)).decision == decision


@pytest.mark.parametrize(
    ("params", "decision", "pointer"),
    [
        ({"amount": 20}, "allow", None),
        ({"amount": 80}, "ask", None),
        ({"amount": 180}, "deny", "/amount"),
        ({"amount": "20"}, "deny", "/amount"),
        ({}, "deny", "/amount"),
    ],
)
def test_conditions_of_what_is_allowed_are_a_must_and_those_of_what_asks_narrow_it(params, decision, pointer):
    rules = [
        {"operation": "call", "decision": "allow", "arguments": AT_MOST_100},
        {"operation": "call", "decision": "ask", "arguments": OVER_50},
    ]
    ruling = judge(asked(*rules, params=params))
    assert ruling.decision == decision
    assert (ruling.refusal.members["pointer"] if ruling.refusal else None) == pointer


def test_a_refusal_says_which_rule_and_quotes_no_argument():
    secret = "correct-horse-battery"
    condition = {"properties": {"to": {"enum": ["a"]}}}
    rules = [{"decision": "allow"}, {"operation": "call", "decision": "allow", "arguments": condition}]
    refusal = judge(asked(*rules, params={"to": secret})).refusal
    assert isinstance(refusal, ArgumentNotAllowed)
    assert (refusal.members["rule"]["index"], refusal.errors[0].field) == (1, "params.to")
    assert secret not in f"{refusal.detail} {refusal.errors} {refusal.members}"
    denied = judge(asked({"decision": "deny"})).refusal
    assert isinstance(denied, DeniedByRule)
    assert "Refund" in denied.detail


def test_rules_of_a_session_are_those_of_its_key():
    rule = {"decision": "deny", "keys": [str(KEY)]}
    session = SimpleNamespace(kind=ActorKind.API_KEY, id=SESSION, key_id=KEY, organization=actor().organization)
    person = SimpleNamespace(kind=ActorKind.USER, id=KEY, key_id=KEY, organization=actor().organization)
    assert judge(asked(rule, actor=session)).decision == "deny"
    assert judge(asked(rule, actor=person)).decision == "allow"


def test_a_tool_of_a_server_is_an_operation_with_arguments_of_its_own():
    rules = [{"operation": "call_tool:refund", "decision": "ask", "arguments": OVER_50}]
    server = integration(*rules, kind="mcp_server")
    call = asked(links=[server], operation="call_tool", params={"name": "refund", "arguments": {"amount": 180}})
    assert judge(call).decision == "ask"
    assert judge(replace(call, params={"name": "refund", "arguments": {"amount": 5}})).decision == "allow"
    assert judge(replace(call, params={"name": "find", "arguments": {"amount": 180}})).decision == "allow"
    whole = integration({"operation": "call_tool", "decision": "deny"}, kind="mcp_server")
    assert judge(replace(call, links=[whole])).decision == "deny"


def test_rules_of_a_connection_without_an_operation_hold_for_its_actions():
    parent = integration({"decision": "deny"}, {"operation": "call", "decision": "ask"}, kind="api_connection")
    ruling = judge(asked(links=[integration(), parent]))
    assert (ruling.decision, ruling.source.integration) == ("deny", parent)
    named = integration({"operation": "call", "decision": "deny"}, kind="api_connection")
    assert judge(asked(links=[integration(), named])).decision == "allow"


def test_the_harmless_check_is_judged_only_by_rules_that_name_it():
    check = asked({"decision": "deny"}, operation="check", params={}, actor=actor(asks_unless_read_only=True))
    assert judge(check).decision == "allow"
    assert judge(replace(check, links=[integration({"operation": "check", "decision": "deny"})])).decision == "deny"


@pytest.mark.parametrize(
    ("rules", "is_read_only", "decision"),
    [
        ([], False, "ask"),
        ([], True, "allow"),
        ([{"decision": "allow"}], False, "allow"),
        ([{"decision": "deny", "environments": ["staging"]}], False, "ask"),
    ],
)
def test_without_a_rule_the_organization_may_ask_for_what_changes_something(rules, is_read_only, decision):
    call = asked(*rules, actor=actor(asks_unless_read_only=True), is_read_only=lambda: is_read_only)
    assert judge(call).decision == decision


@pytest.mark.parametrize(
    ("hours", "moment", "holds"),
    [
        ({}, "2026-11-30T03:00Z", True),
        ({"start": "08:00", "end": "18:00"}, "2026-11-30T08:00Z", True),
        ({"start": "08:00", "end": "18:00"}, "2026-11-30T18:00Z", False),
        ({"start": "08:00", "end": "18:00", "time_zone": "Europe/Berlin"}, "2026-11-30T07:30Z", True),
        ({"start": "08:00", "end": "18:00", "outside": True}, "2026-11-30T12:00Z", False),
        ({"days": ["friday"], "start": "22:00", "end": "06:00"}, "2026-11-28T05:59Z", True),  # Saturday morning
        ({"days": ["friday"], "start": "22:00", "end": "06:00"}, "2026-11-27T05:59Z", False),  # Friday morning
        ({"days": ["friday"], "start": "22:00", "end": "06:00"}, "2026-11-27T22:00Z", True),
    ],
)
def test_times_of_the_week(hours, moment, holds):
    assert holds_at(Hours(**hours), datetime.fromisoformat(moment)) is holds


@pytest.mark.parametrize(
    ("schema", "arguments", "pointer"),
    [
        ({"properties": {"a": {"const": 1}}}, {"a": 1}, None),
        ({"properties": {"a": {"properties": {"b/c": {"const": 1}}}}}, {"a": {"b/c": 2}}, "/a/b~1c"),
        ({"properties": {"to": {"items": {"pattern": "^\\+49"}}}}, {"to": ["+49 1", "+1 2"]}, "/to/1"),
        ({"maxProperties": 0}, {"a": 1}, ""),
    ],
)
def test_where_arguments_do_not_fit(schema, arguments, pointer):
    assert mismatch(Rule(decision="allow", arguments=schema), arguments) == pointer
