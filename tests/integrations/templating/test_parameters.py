import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.errors import InvalidArguments
from integrations.templating.parameter_schemas import is_always_given, may_be_text
from integrations.templating.parameters import check_arguments, check_schema

SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "Which one", "minLength": 1, "maxLength": 8},
        "limit": {"type": "integer", "minimum": 1, "maximum": 50, "default": 10},
        "unit": {"enum": ["km", "mi"]},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
        "who": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
        "ratio": {"type": ["number", "null"], "exclusiveMinimum": 0, "multipleOf": 0.5},
    },
    "required": ["id"],
}


def fields(arguments) -> list[tuple[str, str]]:
    with pytest.raises(InvalidArguments) as caught:
        check_arguments(SCHEMA, arguments)
    return [(error.field, error.message) for error in caught.value.errors]


def test_arguments_come_back_with_defaults():
    assert check_arguments(SCHEMA, {"id": "a"}) == {"id": "a", "limit": 10}


def test_given_arguments_win_over_defaults():
    given_arguments = {"id": "a", "limit": 3, "unit": "km", "tags": ["x"], "who": {"name": "y"}, "ratio": 1.5}
    assert check_arguments(SCHEMA, given_arguments) == given_arguments


def test_an_empty_declaration_takes_no_arguments():
    assert check_arguments({}, {}) == {}


@pytest.mark.parametrize("arguments", [None, [], "id=a", 1])
def test_arguments_are_an_object(arguments):
    assert fields(arguments) == [("params", "Give the arguments as an object.")]


MISFITS = [
    ({}, "params.id", "This argument is required."),
    ({"id": 1}, "params.id", "Give a value of type string."),
    ({"id": None}, "params.id", "Give a value of type string."),
    ({"id": ""}, "params.id", "Use at least 1 characters."),
    ({"id": "x" * 9}, "params.id", "Use at most 8 characters."),
    ({"id": "a", "limit": 0}, "params.limit", "Use 1 or more."),
    ({"id": "a", "limit": 51}, "params.limit", "Use 50 or less."),
    ({"id": "a", "limit": True}, "params.limit", "Give a value of type integer."),
    ({"id": "a", "limit": "3"}, "params.limit", "Give a value of type integer."),
    ({"id": "a", "unit": "m"}, "params.unit", "Choose one of: km, mi."),
    ({"id": "a", "tags": [1]}, "params.tags[0]", "Give a value of type string."),
    ({"id": "a", "tags": ["x"] * 3}, "params.tags", "Give at most 2 entries."),
    ({"id": "a", "who": {}}, "params.who", "Required: name."),
    ({"id": "a", "who": {"name": 1}}, "params.who.name", "Give a value of type string."),
    ({"id": "a", "ratio": "x"}, "params.ratio", "Give a value of type number or null."),
    ({"id": "a", "ratio": 0}, "params.ratio", "Use more than 0."),
    ({"id": "a", "ratio": 0.7}, "params.ratio", "Use a multiple of 0.5."),
    ({"id": "a", "ratio": float("inf")}, "params.ratio", "A number is too large."),
    ({"id": "a", "ratio": float("nan")}, "params.ratio", "A number is too large."),
    ({"id": "a", "ratio": 10**400}, "params.ratio", "A number is too large."),
    ({"id": "\ud800"}, "params.id", "Remove NUL characters and unpaired surrogates."),
    ({"id": "a\0"}, "params.id", "Remove NUL characters and unpaired surrogates."),
    ({"id": "a", "who": {"name": "x", "\ud800": 1}}, "params.who", "Remove NUL characters and unpaired surrogates."),
    (
        {"id": "a", "id2": "b"},
        "params.id2",
        "There is no such parameter; known are: id, limit, unit, tags, who, ratio.",
    ),
    ({"id": "a", "\ud800": "b"}, "params", "There is no such parameter; known are: id, limit, unit, tags, who, ratio."),
    (
        {"id": "a", "url": "https://evil.com"},
        "params.url",
        "There is no such parameter; known are: id, limit, unit, tags, who, ratio.",
    ),
]


@pytest.mark.parametrize(("arguments", "field", "message"), MISFITS, ids=range(len(MISFITS)))
def test_a_misfit_is_named_with_its_field_and_the_way_out(arguments, field, message):
    assert fields(arguments) == [(field, message)]


def test_messages_never_repeat_an_argument():
    shown = repr(
        fields({"id": "canary-canary", "limit": "canary", "unit": "canary", "tags": ["canary"] * 3, "ratio": "canary"})
    )
    assert "canary" not in shown


def test_deep_arguments_are_refused():
    deep: list = []
    for _ in range(40):
        deep = [deep]
    assert fields({"id": "a", "tags": deep}) == [("params.tags", "Nest lists and objects at most 16 deep.")]


def test_a_declaration_of_every_supported_kind_is_taken():
    assert check_schema(SCHEMA) == []


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {"properties": {}},
        {"type": "object", "additionalProperties": False},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"},
    ],
)
def test_a_declaration_may_be_short(schema):
    assert check_schema(schema) == []


def one(declared: object) -> dict:
    return {"type": "object", "properties": {"p": declared}}


def deep(levels: int) -> dict:
    return {"items": deep(levels - 1)} if levels else {}


BAD = {
    "not an object": ([], "config.parameters"),
    "text": ('{"type": "object"}', "config.parameters"),
    "null": (None, "config.parameters"),
    "another type": ({"type": "array"}, "config.parameters.type"),
    "list of types": ({"type": ["object"]}, "config.parameters.type"),
    "properties as list": ({"properties": []}, "config.parameters.properties"),
    "too many": ({"properties": {f"p{n}": {} for n in range(65)}}, "config.parameters.properties"),
    "required is not declared": ({"required": ["x"]}, "config.parameters.required"),
    "required is no list": ({"properties": {"x": {}}, "required": "x"}, "config.parameters.required"),
    "required of numbers": ({"required": [1]}, "config.parameters.required[0]"),
    "open object": ({"additionalProperties": True}, "config.parameters.additionalProperties"),
    "remote reference at the top": ({"$ref": "https://evil.example/s"}, "config.parameters"),
    "definitions": ({"$defs": {}}, "config.parameters"),
    "name with a dot": ({"properties": {"a.b": {}}}, "config.parameters.properties.a.b"),
    "name with a brace": ({"properties": {"a}": {}}}, "config.parameters.properties.a}"),
    "name with a line break": ({"properties": {"a\n": {}}}, "config.parameters.properties.a\n"),
    "boolean schema": (one(True), "config.parameters.properties.p"),
    "remote reference": (one({"$ref": "https://evil.example/s"}), "config.parameters.properties.p"),
    "local reference": (one({"$ref": "#"}), "config.parameters.properties.p"),
    "nested reference": (one({"items": {"$ref": "file:///etc/passwd"}}), "config.parameters.properties.p"),
    "reference in a choice": (one({"anyOf": [{"$dynamicRef": "#x"}]}), "config.parameters.properties.p"),
    "reference in a property": (one({"properties": {"q": {"$ref": "#"}}}), "config.parameters.properties.p"),
    "pattern with look-ahead": (one({"type": "string", "pattern": "(?=a)a"}), "config.parameters.properties.p"),
    "pattern with back-reference": (one({"type": "string", "pattern": r"(a)\1"}), "config.parameters.properties.p"),
    "pattern that is huge": (one({"pattern": "((a{100}){100}){10}"}), "config.parameters.properties.p"),
    "pattern that is long": (one({"pattern": "a" * 1025}), "config.parameters.properties.p"),
    "pattern that is no text": (one({"pattern": 1}), "config.parameters.properties.p"),
    "unknown type": (one({"type": "text"}), "config.parameters.properties.p.type"),
    "negative length": (one({"minLength": -1}), "config.parameters.properties.p.minLength"),
    "multiple of zero": (one({"multipleOf": 0}), "config.parameters.properties.p.multipleOf"),
    "enum is no list": (one({"enum": "a"}), "config.parameters.properties.p.enum"),
    "default that does not fit": (one({"type": "integer", "default": "3"}), "config.parameters.properties.p.default"),
    "default that is not JSON": (one({"default": float("inf")}), "config.parameters"),
    "too deep": (one(deep(15)), "config.parameters"),
}  # fmt: skip


@pytest.mark.parametrize(("schema", "field"), BAD.values(), ids=BAD)
def test_a_declaration_that_cannot_be_used_is_named_by_field(schema, field):
    errors = check_schema(schema)
    assert [error.field for error in errors] == [field]
    assert "evil.example" not in errors[0].message


def test_a_parameter_is_always_given_when_required_or_with_a_default():
    assert [is_always_given(SCHEMA, name) for name in ("id", "limit", "unit")] == [True, True, False]


def test_only_scalars_may_go_into_a_text():
    assert {name for name in SCHEMA["properties"] if may_be_text(SCHEMA, name)} == {"id", "limit", "unit"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"], "other"]), JSON))
def test_whatever_the_arguments_they_fit_or_are_refused(arguments):
    try:
        complete = check_arguments(SCHEMA, arguments)
    except InvalidArguments as refusal:
        assert refusal.errors
        return
    assert complete == {"limit": 10, **arguments}
    assert "other" not in complete


@given(JSON | st.fixed_dictionaries({"properties": st.dictionaries(st.sampled_from(["p", "q r"]), JSON)}))
def test_whatever_the_declaration_it_is_judged_without_failing(schema):
    assert all(error.field.startswith("config.parameters") for error in check_schema(schema))
