"""The readable page of the API: every operation with its fields, in Coffer's own layout, without scripts of others."""

import pytest

from config.api.application import api
from config.api.reference import groups_of, kind_of
from integrations.kinds import KINDS
from tests.fixtures.api import BASE

SCHEMAS = {"Environment": {"enum": ["development", "staging"], "type": "string"}}


def test_page_names_every_operation(client, db):
    page = client.get(f"{BASE}/docs").content.decode()
    document = api.get_openapi_schema()
    for path, methods in document["paths"].items():
        assert path in page
        assert all(f'id="{operation["operationId"]}"' in page for operation in methods.values())
    assert "<title>API reference · Coffer</title>" in page
    assert f'href="{BASE}/openapi.json"' in page
    assert "swagger" not in page


def test_operation_has_parameters_body_answers_and_refusals():
    (found,) = [one for one in groups_of(api.get_openapi_schema())["Sessions"] if one.method == "POST"]
    assert (found.path, found.summary) == (f"{BASE}/sessions", "Start a session")
    body = {field.name: field for field in found.body}
    assert body["name"].is_required
    assert body["minutes"].description == "At most 1440. By default `60`."
    assert body["integrations"].kind == "list of uuid, or null"
    assert [answer.status for answer in found.answers] == ["200", "201"]
    assert "token" in [field.name for field in found.answers[1].fields]
    assert {answer.status for answer in found.refusals} >= {"401", "403", "422", "429"}
    (listed,) = [one for one in groups_of(api.get_openapi_schema())["Sessions"] if one.method == "GET"]
    assert [field.name for field in listed.parameters] == ["limit", "cursor", "If-None-Match"]


def test_body_that_depends_on_the_kind_shows_every_kind():
    (found,) = [one for one in groups_of(api.get_openapi_schema())["Integrations"] if one.id == "create_integration"]
    body = {field.name: field for field in found.body}
    assert body["kind"].kind.split(", or ") == list(KINDS)
    assert "ApiActionConfig" in body["config"].kind


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"$ref": "#/components/schemas/Environment"}, "development | staging"),
        ({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}, "date-time, or null"),
        ({"type": "array", "items": {"type": "integer"}}, "list of integer"),
        ({"const": "json"}, "json"),
        ({}, "any"),
    ],
)
def test_types_are_told_in_words(schema, words):
    assert kind_of(schema, SCHEMAS) == words
