"""The configurations as JSON Schema, for the API's description and for files."""

import jsonschema
import pytest

from integrations.kinds import KINDS
from integrations.kinds.schemas import config_schemas, reference_fields, schema_name

SECRET = "{secrets.crm.token}"
CONFIGS = {
    "calcom": {"api_key": SECRET},
    "sip_trunk": {"host": "sip.example.com", "register": True},
    "mcp_server": {"url": "https://mcp.example.com/mcp", "headers": [{"name": "Authorization", "value": SECRET}]},
    "api_action": {
        "base_url": "https://api.example.com",
        "method": "POST",
        "query": [{"name": "page", "value": "1", "style": "comma"}],
        "body": {"type": "form", "content": [{"name": "a", "value": SECRET}]},
        "connection": "0b8e5b3c-3f1c-4d5e-9c53-5a9d3f7f3c11",
    },
    "api_connection": {"base_url": "https://api.example.com"},
    "auth_connector": {"type": "api_key", "in": "header", "name": "X-Api-Key", "value": SECRET},
}


def validator(kind: str, **options):
    schemas = config_schemas("#/$defs/{model}", **options)
    schema = {"$ref": f"#/$defs/{schema_name(kind)}", "$defs": schemas}
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_every_kind_has_a_schema_that_takes_what_the_kind_reads():
    assert CONFIGS.keys() == KINDS.keys()
    for kind, config in CONFIGS.items():
        assert validator(kind).is_valid(config), kind
        KINDS[kind].read(config)


@pytest.mark.parametrize("kind", CONFIGS)
def test_schema_refuses_unknown_fields_and_wrong_types(kind):
    assert not validator(kind).is_valid({**CONFIGS[kind], "canary": 1})
    name = next(iter(CONFIGS[kind]))
    assert not validator(kind).is_valid({**CONFIGS[kind], name: 7})


def test_fields_that_refer_to_integrations_are_known_and_may_be_names():
    assert reference_fields("api_action") == {"connection": "connection", "auth_connector": "auth_connector"}
    assert reference_fields("api_connection") == {"auth_connector": "auth_connector"}
    assert [reference_fields(kind) for kind in ("calcom", "sip_trunk", "mcp_server", "auth_connector")] == [{}] * 4
    by_name = validator("api_action", reference={"type": "string", "minLength": 1})
    assert by_name.is_valid({**CONFIGS["api_action"], "connection": "CRM", "auth_connector": None})
    assert not by_name.is_valid({**CONFIGS["api_action"], "connection": ""})


def test_schemas_describe_their_fields():
    body = config_schemas("#/$defs/{model}")["BodyConfig"]
    assert body["description"] == "The body of the request."
    assert body["properties"]["content_type"]["description"].startswith("For `binary`, its media type")
