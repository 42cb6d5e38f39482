"""Examples of bodies and answers."""

from typing import Any

from config.api.document.calls import DocumentedCall

ID = "0b8e5b3c-3f1c-4d5e-9c53-5a9d3f7f3c11"
RUN = {"environment": "staging", "operation": "call", "params": {"patient_id": "4711"}}
ACTION = {
    "kind": "api_action",
    "name": "Look up patient",
    "environments": ["staging", "production"],
    "config": {
        "base_url": "https://api.example.com",
        "method": "GET",
        "path": "/patients/{params.patient_id}",
        "headers": [{"name": "Authorization", "value": "Bearer {secrets.crm.token}"}],
        "parameters": {"type": "object", "properties": {"patient_id": {"type": "string"}}, "required": ["patient_id"]},
    },
}
COMMAND = "curl https://api.example.com/v1/contacts"
BODIES: dict[str, dict[str, Any]] = {
    "create_secret": {"name": "crm.token", "value": "a-value-of-at-least-8-characters"},
    "edit_secret": {"description": "For the CRM", "values": {"production": "another-value"}},
    "put_secret_by_name": {"description": "For the CRM", "allowed_domains": ["api.example.com"]},
    "import_secrets": {"environment": "staging", "dotenv": "CRM_TOKEN=a-value\n", "leave_out": ["DEBUG"]},
    "stage_value": {"value": "the-next-value"},
    "promote_value": {"accept_failures": False},
    "create_integration": ACTION,
    "edit_integration": {"enabled": False},
    "put_integration_by_name": {
        "kind": "api_action",
        "config": {"connection": "CRM", "method": "GET", "path": "/patients"},
    },
    "preview_import": {"document": COMMAND},
    "create_import": {"document": COMMAND, "operations": ["GET /v1/contacts"], "environments": ["staging"]},
    "preview_import_update": {"document": COMMAND},
    "update_import": {"document": COMMAND, "change": ["GET /v1/contacts"]},
    "run_integration": RUN,
    "test_integration": {"environment": "staging"},
    "start_session": {"name": "call-4711", "minutes": 30, "environments": ["production"]},
    "create_webhook": {"name": "Ops", "address": "https://hooks.example.com/coffer", "events": ["secret.created"]},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "run_integration": {
        "run_id": ID,
        "outcome": "succeeded",
        "status": 200,
        "headers": [{"name": "Content-Type", "value": "application/json"}],
        "body": {"id": 4711, "token": "[redacted]"},
        "body_type": "json",
        "media_type": "application/json",
        "masked": ["crm.token"],
        "withheld": None,
        "duration_ms": 84,
    },
    "test_integration": {
        "ok": True,
        "steps": [{"name": "call", "outcome": "passed", "code": None, "detail": "The API answered 200."}],
    },
}
PROBLEM_EXAMPLE = {
    "type": "urn:coffer:problem:invalid",
    "title": "Invalid input",
    "status": 422,
    "code": "invalid",
    "detail": "The input is not valid.",
    "errors": [{"field": "config.headers[0].value", "message": "Enter text."}],
    "request_id": ID,
}


def add_examples(call: DocumentedCall) -> None:
    """Add the examples of an operation."""
    if call.id in BODIES:
        call.about["requestBody"]["content"]["application/json"]["example"] = BODIES[call.id]
    if call.id in ANSWERS:
        call.answers[200]["content"]["application/json"]["example"] = ANSWERS[call.id]
