"""Files that Coffer writes: its reader, and one of YAML 1.1, read what was written; the schema describes them."""

import jsonschema
import pytest
import yaml

from accounts.common.documents import read_document
from accounts.common.environments import Environment
from accounts.common.fields import WrittenNumber, write_json
from integrations.declared.document import DeclaredIntegration, DeclaredSecret, DeclaredWebhook
from integrations.declared.schema import configuration_schema
from integrations.declared.writing import as_json, as_yaml
from integrations.kinds import KINDS

TEXTS = [
    "", " ", "yes", "No", "on", "~", "null", "true", "1", "-0", "1e5", "1_000", "0x1F", "012", "1:30", "2026-11-29",
    ".5", "+1", "=", "<<", "- a", "a: b", "#a", "a #b", "{a}", "[a]", "&a", "*a", "!a", "%a", "@a", "`a", "'a'", '"a"',
    "a\nb", "a\n", "\na", "  a\n b", "a \nb", "a\tb", "\t", "a\r\nb", "\x85", "\u2028", "\x07", "\ufeff", "ü€😀",
    "a" * 300, "a b " * 100, "key: |", "---", "...", "? a", "\\", "a\\nb", ",", "a,b",
]  # fmt: skip
NUMBERS = [0, -1, 10**30, 0.5, 1e16, WrittenNumber("18.00"), WrittenNumber("1e5"), WrittenNumber("-0"), 20.0]


def test_every_text_and_number_comes_back():
    content = {"version": 1, "texts": TEXTS, "numbers": NUMBERS, "named": {text: text for text in TEXTS}}
    content |= {"empty": [[], {}, None, True, False], "where": [Environment.STAGING], "deep": [[["a"]]]}
    for written in (as_yaml(content), as_json(content)):
        assert write_json(read_document(written).content) == write_json(content)
    assert yaml.safe_load(as_yaml({"texts": TEXTS})) == {"texts": TEXTS}
    assert as_yaml(content) == as_yaml(read_document(as_yaml(content)).content)


def test_the_schema_is_one_and_names_every_field():
    schema = configuration_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    definitions = schema["$defs"]
    for model in (DeclaredSecret, DeclaredWebhook):
        assert definitions[model.__name__]["properties"].keys() == model.model_fields.keys()
        assert definitions[model.__name__]["additionalProperties"] is False
    entries = schema["properties"]["integrations"]["additionalProperties"]["oneOf"]
    kinds = [entry["$ref"].rpartition("/")[2] for entry in entries]
    assert [definitions[name]["properties"]["kind"] for name in kinds] == [{"const": kind} for kind in KINDS]
    assert all(definitions[name]["properties"].keys() == DeclaredIntegration.model_fields.keys() for name in kinds)


WRONG = {
    "a misspelled field": {"version": 1, "secrets": {"a.b": {"nmae": "x"}}},
    "another version": {"version": 2},
    "the configuration of another kind": {
        "version": 1, "integrations": {"A": {"kind": "calcom", "config": {"type": "bearer", "token": "{secrets.a}"}}}
    },
}  # fmt: skip


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG)
def test_an_editor_marks_what_coffer_would_refuse(content):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, configuration_schema(), cls=jsonschema.Draft202012Validator)
