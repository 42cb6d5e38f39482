"""Rules in a run: judged before a value is opened, and on record."""

from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.common.environments import Environment
from accounts.errors import Refusal
from integrations.editing.rules import set_rules
from integrations.models import CallCounter, Run
from integrations.rules.reading import read_rules
from secrets_app.sealing import resolver
from tests.peers.upstreams import answering, http
from tests.support.things import make_action, make_connection, store_secret

pytestmark = [pytest.mark.django_db, pytest.mark.each_database]

S = Environment.STAGING
AMOUNT = {"type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"]}
AT_MOST_100 = {"properties": {"amount": {"maximum": 100}}}


@pytest.fixture
def upstream():
    seen = []

    def respond(request, sending):
        seen.append(request)
        sending.sendall(http(b"{}"))

    with answering(respond) as url:
        yield url, seen


@pytest.fixture
def action(owner, upstream):
    store_secret(owner)
    return make_action(owner, base_url=upstream[0], parameters=AMOUNT, path="/{params.amount}")


def rule(owner, integration, *rules):
    return set_rules(actor=owner, integration_id=integration.pk, rules=read_rules(rules))


@pytest.mark.parametrize(
    ("wanted", "code", "status"),
    [
        ({"decision": "deny"}, "denied_by_rule", 403),
        ({"decision": "ask"}, "approval_needed", 202),
        ({"decision": "allow", "operation": "call", "arguments": AT_MOST_100}, "argument_not_allowed", 422),
    ],
)
def test_a_refusal_opens_nothing_sends_nothing_and_is_on_record(owner, action, upstream, run, wanted, code, status):
    rule(owner, action, wanted)
    with patch.object(resolver, "open_values") as opening, pytest.raises(Refusal) as refused:
        run(owner, action, S, params={"amount": 101})
    assert (refused.value.code, refused.value.status) == (code, status)
    assert (opening.called, upstream[1]) == (False, [])
    record = Run.objects.get()
    assert (record.outcome, record.error_code, str(record.pk)) == ("refused", code, refused.value.members["run_id"])


def test_a_limit_counts_calls_that_are_made(owner, action, upstream, run):
    rule(owner, action, {"decision": "allow", "limit": {"calls": 2, "per": "hour"}})
    for _ in range(2):
        assert run(owner, action, S, params={"amount": 1}).outcome == "succeeded"
    with pytest.raises(Refusal) as refused:
        run(owner, action, S, params={"amount": 1})
    assert refused.value.code == "limit_reached"
    assert 3000 < refused.value.members["retry_after_seconds"] <= 3661
    with pytest.raises(Refusal):
        run(owner, action, S, params={})  # refused before it counts
    assert (len(upstream[1]), CallCounter.objects.count()) == (2, 1)
    assert list(CallCounter.objects.get().counts.values()) in ([2], [1, 1])


def test_a_changed_limit_goes_on_counting(owner, action, run):
    for calls in (1, 2):
        rule(owner, action, {"decision": "allow", "limit": {"calls": calls, "per": "day"}})
        run(owner, action, S, params={"amount": 1})
    with pytest.raises(Refusal):
        run(owner, action, S, params={"amount": 1})


def test_rules_of_a_connection_hold_for_its_actions(owner, upstream, run):
    connection_ = make_connection(owner, base_url=upstream[0])
    action = make_action(owner, uses="", base_url="", connection=str(connection_.pk))
    rule(owner, connection_, {"decision": "deny"})
    with pytest.raises(Refusal) as refused:
        run(owner, action, S)
    assert refused.value.members["rule"]["integration"] == str(connection_.pk)


def test_a_run_without_rules_costs_no_query_more_and_rules_without_limits_none(owner, action, run):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            run(owner, action, S, params={"amount": 1})
        return len(captured)

    run(owner, action, S, params={"amount": 1})
    without = queries()
    rule(owner, action, {"decision": "allow", "operation": "call", "arguments": AMOUNT})
    queries()
    assert queries() == without
