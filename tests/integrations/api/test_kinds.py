"""`GET /kinds`: what each kind is made of."""

import re

import jsonschema
import pytest

from integrations.kinds import KINDS

SECRET = "{secrets.crm.token}"
FULL = {
    "calcom": [{"api_key": SECRET}],
    "sip_trunk": [{"host": "sip.example.com", "username": SECRET, "password": SECRET}],
    "mcp_server": [
        {
            "url": "https://mcp.example.com/mcp",
            "headers": [{"name": "A", "value": SECRET}],
            "query": [{"name": "a", "value": SECRET}],
        }
    ],
    "api_connection": [
        {
            "base_url": "https://api.example.com",
            "headers": [{"name": "A", "value": SECRET}],
            "query": [{"name": "a", "value": SECRET}],
            "check_path": "/me",
        }
    ],
    "auth_connector": [
        {"type": "bearer", "token": SECRET},
        {"type": "api_key", "in": "header", "name": "A", "value": SECRET},
        {"type": "basic", "username": SECRET, "password": SECRET},
        {
            "type": "oauth2_client_credentials",
            "token_url": "https://a.example.com",
            "client_id": SECRET,
            "client_secret": SECRET,
            "scope": SECRET,
            "audience": SECRET,
            "extra": [{"name": "a", "value": SECRET}],
        },
    ],
    "api_action": [
        {
            "base_url": "https://api.example.com",
            "method": "POST",
            "path": "/a",
            "headers": [{"name": "A", "value": SECRET}],
            "query": [{"name": "a", "value": SECRET}],
            "check": {"path": "/me"},
            "body": {
                "type": "multipart",
                "content": [{"name": "a", "value": SECRET, "filename": "a", "content_type": "text/plain"}],
            },
        },
        {
            "base_url": "https://api.example.com",
            "method": "POST",
            "body": {"type": "binary", "content": "{params.a}", "content_type": "text/plain"},
        },
    ],
}


@pytest.fixture
def listed(db, caller):
    return {item["kind"]: item for item in caller.get("/kinds")["items"]}


def test_every_kind_is_listed_with_a_schema_that_stands_alone(listed):
    assert list(listed) == sorted(KINDS)
    for kind, configs in FULL.items():
        validator = jsonschema.Draft202012Validator(listed[kind]["config_schema"])
        for config in configs:
            validator.validate(config)
        assert not validator.is_valid({**configs[0], "canary": 1})


def test_slots_are_those_that_configurations_have(listed):
    for kind, configs in FULL.items():
        found = {
            re.sub(r"\[\d+\]", "[]", slot.field).removeprefix("config.")
            for config in configs
            for slot in KINDS[kind].slots(KINDS[kind].read(config))
        }
        assert {slot["field"] for slot in listed[kind]["slots"]} == found, kind


def test_operations_and_references_are_those_of_the_kind(listed):
    names = {kind: [operation["name"] for operation in item["operations"]] for kind, item in listed.items()}
    assert names["sip_trunk"] == ["sign", "verify"]
    assert names["api_action"] == ["call"]
    assert "create_booking" in names["calcom"]
    assert names["auth_connector"] == []
    assert listed["api_action"]["references"] == {"connection": "connection", "auth_connector": "auth_connector"}
    assert [slot["arguments"] for slot in listed["api_action"]["slots"]].count(False) == 1
