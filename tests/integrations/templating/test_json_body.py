import json

import pytest

from integrations.templating.json_body import JsonBodyError, parse_json_body, render_json_body
from integrations.templating.slots import Filling
from tests.support.integrations.requests import values

NOTHING = Filling({}, {})


@pytest.mark.parametrize(
    "text", ["{}", "[]", '"x"', "1", "null", "-1.5e3", '{"a": [true, false, null, {"b": ""}]}', '{"{foo}": "{}"}']
)
def test_a_document_without_placeholders_is_sent_as_it_was_read(text):
    assert json.loads(render_json_body(parse_json_body(text), NOTHING)) == json.loads(text)


def test_templates_lists_the_strings_in_order():
    body = parse_json_body('{"a": "{secrets.x}", "b": [1, "{params.y} {secrets.z}"]}')
    assert [template.source for template in body.templates] == ["{secrets.x}", "{params.y} {secrets.z}"]


def test_an_escaped_placeholder_is_the_same_placeholder():
    body = parse_json_body('["\\u007bsecrets.x\\u007d"]')
    assert json.loads(render_json_body(body, Filling({}, values(x="v")))) == ["v"]


INVALID = {
    "empty": "",
    "text": "hello",
    "trailing comma": '{"a": 1,}',
    "single quotes": "{'a': 1}",
    "bare placeholder": '{"a": {secrets.x}}',
    "NaN": "[NaN]",
    "Infinity": '{"a": Infinity}',
    "minus Infinity": "[-Infinity]",
    "infinite by exponent": "[1e999]",
    "endless integer": "[" + "9" * 5000 + "]",
    "duplicate key": '{"a": 1, "a": 2}',
    "duplicate key below": '[{"b": {"a": 1, "\\u0061": 2}}]',
    "placeholder in a key": '{"{secrets.x}": 1}',
    "parameter in a key": '{"k{params.x}": 1}',
    "look-alike in a key": '{"{Secrets.x}": 1}',
    "malformed placeholder": '{"a": "{ secrets.x }"}',
    "half a surrogate pair": '["\\ud800"]',
    "too deep": "[" * 40 + "]" * 40,
    "much too deep": "[" * 100_000,
    "two documents": "{} {}",
}


@pytest.mark.parametrize("text", INVALID.values(), ids=INVALID)
def test_anything_but_strict_json_with_plain_keys_is_refused(text):
    with pytest.raises(JsonBodyError):
        parse_json_body(text)


def test_a_syntax_error_names_line_and_column_and_not_the_content():
    with pytest.raises(JsonBodyError) as caught:
        parse_json_body('{"a": 1,\n "canary": }')
    assert str(caught.value) == "This is not JSON: look at line 2, column 12."
