"""The OpenAPI document: what clients are generated from."""

import json
import re
from http import HTTPStatus

import jsonschema
import pytest

from config.api.application import api
from config.api.document.answers import codes_of
from integrations.kinds import KINDS
from tests.fixtures.api import BASE
from tests.support.source import ROOT

INPUTS = {
    "AgentToolPatch", "ApiImportIn", "BudgetIn", "CheckIn", "ImportDocumentIn", "ImportIn", "ImportUpdateIn",
    "IntegrationPatch", "IntegrationPut", "PromoteIn", "ReplacementIn", "RulesIn", "RunIn", "SecretIn", "SecretPatch",
    "SecretPut", "SessionIn", "StageIn", "StopIn", "ValuesIn", "ToolIn", "ToolNameIn", "ToolsIn", "TryIn",
    "WebhookIn", "WebhookPatch",
}  # fmt: skip
OPERATION_IDS = {
    "get_approval", "get_budget", "list_approvals", "apply_configuration", "export_configuration",
    "plan_configuration", "approve_tool", "approve_tools", "change_agent_tool", "change_webhook",
    "check_staged_value", "create_import", "create_integration", "create_secret", "create_webhook",
    "delete_integration", "delete_secret", "delete_webhook", "discard_staged_value", "duplicate_integration",
    "edit_integration", "edit_secret", "get_integration", "get_integration_by_name", "get_key", "get_rules",
    "get_run", "get_secret", "get_secret_by_name", "get_webhook", "import_secrets", "list_agent_tools",
    "list_audit_events", "list_deliveries", "list_integrations", "list_kinds", "list_offered_tools",
    "list_operations", "list_readiness", "list_references", "list_runs", "list_secrets", "list_services",
    "list_sessions", "list_webhooks", "pause_webhook", "preview_import", "preview_import_update", "promote_value",
    "put_budget", "put_integration_by_name", "put_rules", "put_secret_by_name", "redeliver", "replace_references",
    "replace_webhook_secret", "resume_webhook", "roll_back_value", "run_integration", "stage_value", "start_session",
    "stop_agents", "stop_session", "test_integration", "try_rules", "update_import", "test_webhook",
    "withdraw_approval",
}  # fmt: skip
"""Names that generated clients call; they stay when a module moves."""


@pytest.fixture(scope="module")
def document():
    return json.loads(json.dumps(api.get_openapi_schema(), default=str))


@pytest.fixture(scope="module")
def schemas(document):
    return document["components"]["schemas"]


@pytest.fixture(scope="module")
def operations(document):
    return {found["operationId"]: found for methods in document["paths"].values() for found in methods.values()}


def validator(document, name):
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    return jsonschema.Draft202012Validator(schema)


def test_document_is_3_1_and_public(client):
    response = client.get(f"{BASE}/openapi.json")
    document = response.json()
    assert (response.status_code, document["openapi"][:4]) == (200, "3.1.")
    assert (document["info"]["title"], document["info"]["version"]) == ("Coffer", "1")
    assert all(operation["summary"] for methods in document["paths"].values() for operation in methods.values())


def test_there_is_one_security_scheme(document, operations):
    (scheme,) = document["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert all(operation["security"] == [{"ApiKey": []}] for operation in operations.values())


def test_operations_keep_their_ids(operations):
    assert operations.keys() == OPERATION_IDS


def test_every_schema_is_one_and_every_reference_leads_somewhere(document, schemas):
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document))):
        found = document
        for step in reference.split("/"):
            found = found[step]


def test_no_field_has_a_default_which_generators_would_take_for_required(schemas):
    fields = [field for schema in schemas.values() for field in schema.get("properties", {}).values()]
    assert not [field for field in fields if "default" in field]
    assert schemas["SessionIn"]["properties"]["minutes"]["description"] == "At most 1440. By default `60`."


def test_no_answer_has_a_field_for_a_value(schemas):
    def that_mention(word):
        configured = {"ApiKeyConfig", "NameAndValue", "Entry", "PartConfig"}
        return {name for name, schema in schemas.items() if word in schema.get("properties", {})} - configured

    assert that_mention("value") == {"SecretIn", "SecretPatch", "SecretPut", "StageIn", "HeaderOut"}
    assert that_mention("values") == {"SecretIn", "SecretPatch", "SecretPut"}
    assert that_mention("sealed") == set()


def test_input_refuses_unknown_fields(schemas):
    by_kind = {variant["$ref"].rpartition("/")[2] for variant in schemas["IntegrationIn"]["oneOf"]}
    inputs = {name for name in schemas if name.endswith(("In", "Patch", "Put"))}
    assert inputs == INPUTS | by_kind | {"IntegrationIn"}
    assert all(schemas[name]["additionalProperties"] is False for name in inputs - {"IntegrationIn"})


@pytest.mark.parametrize("name", ["IntegrationIn", "IntegrationOut"])
def test_kind_tells_what_the_configuration_is(schemas, name):
    union = schemas[name]
    assert union["discriminator"]["propertyName"] == "kind"
    assert union["discriminator"]["mapping"].keys() == KINDS.keys()
    for kind, reference in union["discriminator"]["mapping"].items():
        variant = schemas[reference.rpartition("/")[2]]
        assert variant["properties"]["kind"]["const"] == kind
        assert {"kind", "config"} <= set(variant["required"])


def test_new_kind_appears_by_itself(monkeypatch):
    class AnotherKindConfig(KINDS["calcom"].shape):
        pass

    class Another(type(KINDS["calcom"])):
        key = "another_kind"
        shape = AnotherKindConfig

    monkeypatch.setitem(KINDS, "another_kind", Another())
    schemas = api.get_openapi_schema(path_prefix="/of-another-process/")["components"]["schemas"]
    assert "another_kind" in schemas["IntegrationIn"]["discriminator"]["mapping"]
    assert schemas["AnotherKindConfig"]["required"] == ["api_key"]


def test_integration_is_checked_by_the_schema_of_its_kind(document):
    body = {"kind": "api_connection", "name": "CRM", "config": {"base_url": "https://api.example.com"}}
    assert validator(document, "IntegrationIn").is_valid(body)
    assert not validator(document, "IntegrationIn").is_valid({**body, "kind": "calcom"})
    assert not validator(document, "IntegrationIn").is_valid({**body, "config": {"base_url": 7}})
    named = {"config": {"method": "GET", "connection": "CRM"}}
    assert validator(document, "IntegrationPut").is_valid(named)
    assert validator(document, "IntegrationPatch").is_valid({"enabled": False})


def test_every_refusal_is_a_problem_document_with_its_codes(document, operations):
    for operation in operations.values():
        for status, answer in operation["responses"].items():
            assert (int(status) >= 400) == ("$ref" in answer)
        assert {"401", "403", "422", "500", "503"} <= operation["responses"].keys()
    problems = document["components"]["responses"]
    assert all(list(found["content"]) == ["application/problem+json"] for found in problems.values())
    assert "`secret_in_use`" in problems["Conflict"]["description"]
    assert "Retry-After" in problems["TooManyRequests"]["headers"]
    assert "WWW-Authenticate" in problems["Unauthorized"]["headers"]


def test_codes_are_those_of_the_page():
    rows = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", (ROOT / "docs/api.md").read_text(), re.MULTILINE)
    listed = {(int(status), code) for status, code in rows} - {(405, "method_not_allowed")}
    statuses = {HTTPStatus(status) for status, _ in listed}
    assert {(status.value, code) for status in statuses for code in codes_of(status)} == listed


def test_headers_stand_where_they_are_read_and_sent(operations):
    def sent(operation_id, status):
        return set(operations[operation_id]["responses"][status]["headers"])

    def read(operation_id):
        return {found["name"] for found in operations[operation_id]["parameters"]}

    assert sent("get_secret", "200") == {"X-Request-ID", "ETag"}
    assert sent("create_secret", "201") == {"X-Request-ID", "Location", "Idempotency-Replayed"}
    assert "ETag" in sent("edit_secret", "200")
    assert read("edit_secret") == {"secret_id", "dry_run", "If-Match"}
    assert read("get_secret") == {"secret_id", "If-None-Match"}
    assert read("create_secret") == {"dry_run", "Idempotency-Key"}
    assert read("put_secret_by_name") == {"secret_name", "dry_run", "If-Match", "If-None-Match"}
    assert read("run_integration") == {"integration_id", "Idempotency-Key"}
    assert read("create_import") == {"dry_run", "Idempotency-Key"}
    assert "ETag" not in sent("update_import", "200")


def test_examples_are_valid(document, operations):
    shown = 0
    for operation in operations.values():
        for place in (operation.get("requestBody", {}), *operation["responses"].values()):
            held = place.get("content", {}).get("application/json", {})
            if "example" in held:
                schema = held["schema"] | {"components": document["components"]}
                jsonschema.Draft202012Validator(schema).validate(held["example"])
                shown += 1
    assert shown >= 15


def test_creates_link_to_what_reads_and_changes_their_things(operations):
    links = operations["create_secret"]["responses"]["201"]["links"]
    assert links["get_secret"]["parameters"] == {"path.secret_id": "$response.body#/id"}
    assert {"edit_secret", "delete_secret", "promote_value", "get_secret_by_name"} <= links.keys()
    assert operations["run_integration"]["responses"]["200"]["links"].keys() == {"get_run"}
    assert "links" not in operations["create_secret"]["responses"]["200"]


def test_document_is_made_once():
    """Anybody may ask for it, and to make it takes a second."""
    assert api.get_openapi_schema() is api.get_openapi_schema()
