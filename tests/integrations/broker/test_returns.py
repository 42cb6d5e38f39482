"""An action says what of an answer is passed on: everything, chosen fields, or the status alone."""

import json

import pytest

from accounts.common.environments import Environment
from accounts.errors import Invalid
from integrations.broker.masking import BodyType
from integrations.exchange.returns import choose
from secrets_app.redaction.redactor import Reason
from tests.peers.upstreams import answering, http
from tests.support.integrations.actions import VALUE, action_to

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]

S = Environment.STAGING
ANSWER = {"data": [{"name": "crm", "key": VALUE, "note": "kept to ourselves"}, {"name": "billing"}], "total": 2}


def answer_of(owner, run, returns, body=None):
    """What a caller gets of an answer by an action with this setting."""
    sent = json.dumps(ANSWER).encode() if body is None else body
    headers = ("Content-Type: application/json", "X-Internal: yes")
    with answering(lambda _, connection: connection.sendall(http(sent, headers=headers))) as url:
        return run(owner, action_to(owner, url, returns=returns), S).answer


@pytest.mark.parametrize(
    ("expression", "body"),
    [
        ("data[].{name: name}", [{"name": "crm"}, {"name": "billing"}]),
        ("total", 2),
        ("data[0].key", "[redacted]"),
        ("{n: length(data), keys: data[].key}", {"n": 2, "keys": ["[redacted]"]}),
    ],
)
def test_chosen_fields_come_from_the_masked_body_and_nothing_else_comes(owner, stored, run, expression, body):
    answer = answer_of(owner, run, {"type": "fields", "expression": expression})
    assert (answer.status, answer.body, answer.body_type, answer.withheld) == (200, body, BodyType.JSON, None)
    assert (answer.headers, answer.reason) == ([], "")


def test_status_alone(owner, stored, run):
    answer = answer_of(owner, run, {"type": "status"})
    assert (answer.status, answer.succeeded, answer.headers, answer.body) == (200, True, [], None)
    assert (answer.body_type, answer.withheld) == (BodyType.WITHHELD, Reason.STATUS_ALONE)


def test_everything_is_passed_on_unless_the_action_says_otherwise(owner, stored, run):
    answer = answer_of(owner, run, {"type": "everything"})
    assert answer.body["data"][0]["note"] == "kept to ourselves"
    assert ("X-Internal", "yes") in answer.headers


@pytest.mark.parametrize(
    ("expression", "body"),
    [("data", b"not json"), ("nothing.here", b"{}"), ("length(total)", b'{"total": 2}'), ("data", b"\x89PNG\r\n")],
)
def test_what_the_expression_does_not_find_is_withheld_with_the_reason(owner, stored, run, expression, body):
    answer = answer_of(owner, run, {"type": "fields", "expression": expression}, body)
    assert (answer.body, answer.body_type, answer.withheld) == (None, BodyType.WITHHELD, Reason.NOT_JSON)


@pytest.mark.parametrize(
    "returns",
    [
        {"type": "fields"},
        {"type": "fields", "expression": " "},
        {"type": "fields", "expression": "data[?"},
        {"type": "fields", "expression": "(" * 490 + "a" + ")" * 490},
        {"type": "fields", "expression": "!" * 998 + "a"},
        {"type": "fields", "expression": "to_string(@)"},
        {"type": "fields", "expression": "data[].{a: join('', [name, name])}"},
        {"type": "status", "expression": "data"},
        {"type": "everything", "expression": "data"},
    ],
)
def test_malformed_setting_is_an_error_at_save(owner, returns):
    with pytest.raises(Invalid) as refused:
        action_to(owner, "http://127.0.0.1:9", returns=returns)
    assert [error.field for error in refused.value.errors] == ["config.returns.expression"]


BOMBS = {
    "a list that doubles": "|".join(["[@,@][]"] * 100),
    "a list of lists that doubles": "|".join(["[@,@]"] * 120),
    "objects of objects": "|".join(["{a:@,b:@}"] * 90),
    "text many times": "data[].[" + ",".join(["name"] * 90) + "]|" + "|".join(["[@,@][]"] * 30),
    "deep": "[" * 240 + "total" + "]" * 240,
}


@pytest.mark.parametrize("expression", BOMBS.values(), ids=BOMBS)
def test_expression_that_makes_much_of_little_gives_nothing(expression):
    assert choose({"data": [{"name": "x" * 1000}], "total": 1}, expression) is None


def test_large_answer_of_many_fields_is_chosen_from():
    body = {"data": [{"id": number, "name": f"name {number}", "key": "k"} for number in range(20_000)]}
    assert len(choose(body, "data[].{id: id, name: name}")) == 20_000
