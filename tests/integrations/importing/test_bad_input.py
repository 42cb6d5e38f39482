"""Documents that lie, loop, explode or lead elsewhere: each is refused with its line, or read as far as it can be."""

import json

import pytest

from integrations.importing.drafts import MOST_OPERATIONS, NotReadable
from integrations.importing.reading import read_draft
from integrations.models import Integration

HEAD = {"openapi": "3.0.3", "info": {"title": "T"}, "servers": [{"url": "https://api.example.com"}]}
BOMB = "openapi: 3.0.0\na: &a [x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def described(**paths):
    return json.dumps({**HEAD, "paths": {f"/{name}": item for name, item in paths.items()}}, indent=1)


def built(text):
    draft = read_draft(text)
    return {each.key: draft.build(each) for each in draft.outlines}


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ("openapi: 3.0.0\n\tpaths: {}", "This is not YAML", 2),
        ('{"openapi": "3.0.0",\n "paths": }', "This is not JSON", 2),
        ('{"openapi": "3.0.0", "openapi": "3.1.0"}', "stands here twice", 1),
        (BOMB, "more than 200,000 values", 7),
        ("openapi: 3.0.0\na: &a\n  b: *a", "a part of", 3),
        ("openapi: 3.0.0\na: " + "[" * 70, "levels deep", 2),
        ("openapi: 3.0.0\nx: !!python/object:os.system {}", "Tags", 2),
        ("openapi: 2.0.0\npaths: {}", "Only OpenAPI 3.0 and 3.1 and Swagger 2.0", 1),
        ("openapi: 3.0.0\ninfo: {}", "needs an object `paths`", 1),
        ("openapi: 3.0.0\npaths:\n  - /a", "needs an object `paths`", 2),
        ("openapi: 3.0.0\npaths: {}", "has no operations", 2),
        ("openapi: 3.0.0\npaths:\n  /a: {$ref: 'a.yaml'}", "another document, “a.yaml”", 3),
        ("openapi: 3.0.0\npaths:\n  /a: {$ref: '#/paths/~1a'}", "refers to itself", 3),
        (described(**{f"p{n}": {"get": {}} for n in range(5000)}), f"more than {MOST_OPERATIONS:,} operations", 6013),
        ("openapi: 3.0.0\nx: " + "y" * 3_000_000, "larger than 2,621,440 bytes", 0),
    ],
    ids=lambda each: str(each)[:30],
)
def test_a_document_that_cannot_be_read_is_refused_with_its_line(text, said, line):
    with pytest.raises(NotReadable) as refusal:
        read_draft(text)
    (error,) = refusal.value.errors
    assert said in error.message
    assert error.line == line


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        ({"parameters": [{"$ref": "https://example.com/p.json"}]}, "another document"),
        ({"parameters": [{"$ref": "#/components/parameters/no"}]}, "which the document does not have"),
        ({"requestBody": {"content": {"application/json": {"schema": {"$ref": "other.json#/A"}}}}}, "another document"),
        (
            {"parameters": [{"name": f"p{n}", "in": "query", "required": True} for n in range(65)]},
            "more than 64 parameters",
        ),
    ],
)
def test_an_operation_that_cannot_be_imported_says_why_and_the_others_can(operation, said):
    actions = built(described(good={"get": {}}, bad={"post": operation}))
    assert actions["GET /good"].problem == ""
    assert actions["POST /bad"].problem.startswith("Line 16: ")
    assert said in actions["POST /bad"].problem


def test_no_key_has_what_a_database_cannot_store():
    draft = read_draft(json.dumps({**HEAD, "paths": {"/a\0\ud800": {"get": {}}}}))
    assert [each.key for each in draft.outlines] == ["GET /a"]
    assert "path: " in draft.build(draft.outlines[0]).problem


def test_schemas_that_refer_to_themselves_end():
    to_n, to_t = {"$ref": "#/components/schemas/N"}, {"$ref": "#/components/schemas/T"}
    node = {"type": "object", "properties": {"name": {"type": "string"}, "next": to_n}}
    tangle = {"allOf": [to_t] * 20, "properties": {"x": to_t}}
    schema = {"type": "object", "properties": {"n": to_n, "t": to_t}}
    operation = {"requestBody": {"content": {"application/json": {"schema": schema}}}}
    document = {**HEAD, "paths": {"/a": {"post": operation}}, "components": {"schemas": {"N": node, "T": tangle}}}
    action = built(json.dumps(document))["POST /a"]
    assert action.problem == ""
    assert len(json.dumps(action.config)) < 3000


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integre"},
        {"type": 7, "enum": "all"},
        {"type": "integer", "enum": ["1", "2"], "minimum": "0"},
        {"type": "string", "pattern": "(?<=x)y", "minLength": -1, "maxLength": 1.5},
        {"type": "array"},
        {"type": "object", "properties": [], "required": True},
        {"anyOf": {}, "allOf": 3},
        [],
        "string",
    ],
)
def test_schemas_that_lie_are_read_as_far_as_they_make_sense(schema):
    parameters = [{"name": "q", "in": "query", "schema": schema}]
    body = {"content": {"application/json": {"schema": {"type": "object", "properties": {"q": schema}}}}}
    actions = built(described(a={"get": {"parameters": parameters}, "post": {"requestBody": body}}))
    assert [each.problem for each in actions.values()] == ["", ""]


def test_what_looks_like_a_credential_in_a_description_is_removed():
    schema = {"type": "string", "description": "Such as sk_live_4fG7hJ2kLm9Qw3Er"}
    action = built(described(a={"get": {"parameters": [{"name": "q", "in": "query", "schema": schema}]}}))["GET /a"]
    assert action.config["parameters"]["properties"]["q"]["description"] == "Such as [removed]."


@pytest.mark.django_db
def test_a_document_that_is_too_large_is_refused_before_it_is_read(caller):
    refused = caller.call("POST", "/imports", {"document": "x" * 2_700_000, "operations": ["GET /a"]})
    assert (refused.status_code, Integration.objects.count()) == (413, 0)
