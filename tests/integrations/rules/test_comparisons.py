"""Conditions as people choose them, the schemas that they stand for, and rules in words."""

import pytest

from integrations.rules.comparisons import ArgumentCheck, Operator, comparisons_of, schema_of
from integrations.rules.conditions import mismatch
from integrations.rules.shape import Decision, Rule
from integrations.rules.words import in_words

ALLOW, ASK = Decision.ALLOW, Decision.ASK


def fits(schema, arguments):
    return mismatch(Rule(decision="allow", arguments=schema), arguments) is None


@pytest.mark.parametrize(
    ("operator", "value", "holds", "fails", "unlike"),
    [
        (Operator.IS, "refund", "refund", "sale", None),
        (Operator.IS_NOT, "refund", "sale", "refund", None),
        (Operator.ONE_OF, ["a", "b"], "b", "c", None),
        (Operator.AT_MOST, 50, 50, 50.01, "20"),
        (Operator.AT_LEAST, 50, 50, 49, "60"),
        (Operator.MORE_THAN, 50, 51, 50, "60"),
        (Operator.LESS_THAN, 50, 49, 50, "20"),
        (Operator.MATCHES, "^\\+49", "+49 1", "+1 2", 49),
    ],
)
def test_a_condition_is_a_must_of_what_is_allowed_and_holds_in_doubt_otherwise(operator, value, holds, fails, unlike):
    must, doubt = (schema_of([ArgumentCheck("a", operator, value)], decision) for decision in (ALLOW, ASK))
    assert [fits(schema, {"a": holds}) for schema in (must, doubt)] == [True, True]
    assert [fits(schema, {"a": fails}) for schema in (must, doubt)] == [False, False]
    assert [fits(schema, {}) for schema in (must, doubt)] == [False, True]
    if unlike is not None:
        assert [fits(schema, {"a": unlike}) for schema in (must, doubt)] == [False, True]


@pytest.mark.parametrize("decision", [ALLOW, ASK, Decision.DENY])
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("operator", Operator)
def test_conditions_are_read_back_as_they_were_chosen(operator, count, decision):
    value = ["x", "y"] if operator is Operator.ONE_OF else 7 if operator.is_numeric else "x"
    chosen = [ArgumentCheck(f"a{number}", operator, value) for number in range(count)]
    assert comparisons_of(schema_of(chosen, decision), decision) == chosen


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        (None, 0),
        ({"properties": {"a": {"const": 1}, "b": {"enum": [2]}}, "required": ["a", "b"]}, 2),
        ({"properties": {"a": {"const": 1}}}, None),
        ({"properties": {"a": {"minLength": 1}}, "required": ["a"]}, None),
        ({"anyOf": [{"required": ["a"]}]}, None),
        ({"allOf": [5]}, None),
    ],
)
def test_other_schemas_stay_schemas(schema, found):
    read = comparisons_of(schema, ALLOW)
    assert (None if read is None else len(read)) == found


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"decision": "deny"}, "Denies every operation."),
        (
            {"decision": "ask", "operation": "refund", "environments": ["production", "staging"]},
            "Asks a person about refund in Staging and Production.",
        ),
        (
            {
                "decision": "allow",
                "operation": "refund",
                "arguments": schema_of([ArgumentCheck("amount", Operator.AT_MOST, 500)], ALLOW),
                "hours": {"days": ["monday", "friday"], "start": "08:00", "end": "18:00"},
                "limit": {"calls": 1, "per": "hour", "each_key": True},
            },
            "Allows refund only where amount is at most 500 only on Monday and Friday from 08:00 to 18:00 (UTC) at "
            "most once an hour by each key.",
        ),
        (
            {"decision": "deny", "operation": "refund", "arguments": {"maxProperties": 1}},
            "Denies refund where its schema fits the arguments.",
        ),
    ],
)
def test_a_rule_in_words(rule, words):
    assert in_words(Rule.model_validate(rule)) == words
