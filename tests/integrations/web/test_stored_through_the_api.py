"""A page edit keeps what the page cannot show: configurations written through the API, their parameters above all."""

import pytest
from django.urls import reverse

from accounts.common.environments import Environment
from accounts.common.fields import read_json, write_json
from integrations.editing.integrations import create_integration
from integrations.web.forms import parameters
from tests.support.web.sent_by_browsers import form_with

pytestmark = pytest.mark.django_db

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Arguments",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "phone": {"type": "string", "description": "Two\nlines", "minLength": 5, "maxLength": 20},
        "call_id": {"type": "string", "default": "unknown"},
        "count": {"type": "integer", "enum": [1, 2, 3], "minimum": 1},
        "share": {"type": "number", "enum": [0.5, 1, 2.5]},
        "mixed": {"enum": ["a", 1, None]},
        "commas": {"type": "string", "enum": ["a, b", " c", ""]},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
        "either": {"type": ["string", "null"]},
        "sure": {"type": "boolean", "enum": [True]},
    },
    "required": ["phone", "count"],
}
CONFIG = {
    "base_url": "https://api.example.com",
    "method": "POST",
    "path": "/{params.phone}",
    "query": [{"name": "note", "value": "a\r\nb"}],
    "body": {"type": "text", "content": "--x\r\n{params.call_id}\r\n--x--"},
    "parameters": SCHEMA,
    "timeout_seconds": 12.3456789,
    "check": {"method": "HEAD", "path": "/me"},
}


@pytest.fixture
def action(owner):
    return create_integration(
        actor=owner,
        kind="api_action",
        name="From the API",
        description="a\r\nb",
        environments=[Environment.STAGING],
        config=CONFIG,
    )


def address(action):
    return reverse("integration-edit", args=["harbor-clinics", action.id])


def shown(browser, action):
    return form_with(browser.get(address(action)), "base_url")


def saved(browser, action, sent):
    response = browser.post(address(action), sent)
    assert response.status_code == 303, response.context["errors"]
    action.refresh_from_db()
    return action.config


def replaced(sent, column, name, value):
    """The row of the parameter `name` with another cell in a column."""
    cells = [value if row == name else cell for row, cell in zip(sent["param_name"], sent[column], strict=True)]
    return sent | {column: cells}


def test_page_sent_as_it_is_shown_changes_nothing(as_owner, action):
    before = action.config
    assert saved(as_owner, action, shown(as_owner, action)) == before
    assert (action.version, action.description) == (1, "a\r\nb")


def test_edit_elsewhere_keeps_schema_body_check_and_time_limit(as_owner, action):
    before = action.config
    assert saved(as_owner, action, shown(as_owner, action) | {"path": "/other"}) == before | {"path": "/other"}


@pytest.mark.parametrize(
    ("name", "column", "value", "expected"),
    [
        ("phone", "param_description", "One", {"description": "One"}),
        ("count", "param_choices", "2, 5", {"enum": [2, 5]}),
        ("count", "param_choices", "", {"enum": None}),
        ("share", "param_choices", "0.5, 3", {"enum": [0.5, 3]}),
        ("commas", "param_choices", "x, y", {"enum": ["x", "y"]}),
        ("either", "param_type", "integer", {"type": "integer"}),
        ("sure", "param_choices", "true, false", {"enum": [True, False]}),
    ],
)
def test_edited_column_changes_its_keyword_alone(as_owner, action, name, column, value, expected):
    config = saved(as_owner, action, replaced(shown(as_owner, action), column, name, value))
    wanted = {keyword: found for keyword, found in (SCHEMA["properties"][name] | expected).items() if found is not None}
    others = {other: declared for other, declared in SCHEMA["properties"].items() if other != name}
    assert config["parameters"] == SCHEMA | {"properties": others | {name: wanted}}


def test_renamed_parameter_keeps_its_keywords(as_owner, action):
    sent = replaced(shown(as_owner, action), "param_name", "call_id", "call")
    config = saved(as_owner, action, sent | {"body_content": "{params.call}"})
    assert config["parameters"]["properties"]["call"] == {"type": "string", "default": "unknown"}
    assert "call_id" not in config["parameters"]["properties"]


def test_without_the_stored_names_rows_are_matched_by_name(as_owner, action):
    before = action.config
    sent = {name: value for name, value in shown(as_owner, action).items() if name != "param_was"}
    assert saved(as_owner, action, sent) == before


def test_removed_and_added_parameter_starts_afresh(as_owner, action):
    sent = replaced(replaced(shown(as_owner, action), "param_was", "phone", ""), "param_rules", "phone", "")
    declared = saved(as_owner, action, sent)["parameters"]["properties"]["phone"]
    assert declared == {"type": "string", "description": "Twolines"}


def test_needed_is_changed_alone(as_owner, action):
    config = saved(as_owner, action, replaced(shown(as_owner, action), "param_required", "count", "no"))
    assert config["parameters"] == SCHEMA | {"required": ["phone"]}


def test_default_that_no_longer_fits_names_the_way_out(as_owner, action):
    sent = replaced(shown(as_owner, action), "param_choices", "call_id", "known, other")
    (error,) = as_owner.post(address(action), sent).context["errors"]
    assert error.field == f"param_type-{sent['param_name'].index('call_id')}"
    assert "remove the parameter and add it again" in error.message


@pytest.mark.parametrize(("column", "value"), [("param_type", "kept"), ("param_choices", "a, b")])
def test_kept_type_is_only_for_what_is_stored(as_owner, action, column, value):
    sent = replaced(shown(as_owner, action), "param_was", "tags", "" if column == "param_type" else "tags")
    response = as_owner.post(address(action), replaced(sent, column, "tags", value))
    index = sent["param_name"].index("tags")
    assert [error.field for error in response.context["errors"]] == [f"{column}-{index}"]


def test_check_of_another_path_keeps_its_method(as_owner, action):
    assert saved(as_owner, action, shown(as_owner, action) | {"check_path": "/you"})["check"] == {
        "method": "HEAD",
        "path": "/you",
    }
    assert saved(as_owner, action, shown(as_owner, action) | {"check_path": ""})["check"] is None


def test_rows_show_what_can_be_typed():
    rows = {row["name"]: (row["type"], row["choices"]) for row in parameters.rows_of(SCHEMA)}
    assert rows == {
        "phone": ("string", ""),
        "call_id": ("string", ""),
        "count": ("integer", "1, 2, 3"),
        "share": ("number", "0.5, 1, 2.5"),
        "mixed": ("kept", ""),
        "commas": ("string", ""),
        "tags": ("array", ""),
        "either": ("kept", ""),
        "sure": ("boolean", "true"),
    }


def test_an_edit_on_the_page_keeps_the_spelling_of_numbers():
    text = '{"price": {"type": "number", "enum": [18.00, 1E2, 2.50], "default": 18.00, "minimum": 0.10}}'
    schema = {"type": "object", "properties": read_json(text)}
    (row,) = rows = parameters.rows_of(schema)
    assert (row["choices"], row["rules"]) == ("", '{"enum": [18.00, 1E2, 2.50], "default": 18.00, "minimum": 0.10}')
    assert write_json(parameters.schema_of(rows, schema)["properties"]) == text
    row["rules"] = '{"default": 18.000}'
    assert (
        write_json(parameters.schema_of(rows, schema)["properties"]["price"]) == '{"type": "number", "default": 18.000}'
    )
    row["choices"] = "18.00, 2.50"
    assert '"enum": [18.00, 2.50]' in write_json(parameters.schema_of(rows, schema))
