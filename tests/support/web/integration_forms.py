"""The forms of an API action and of an auth connector, filled in, and what is stored of the action."""

from django.urls import reverse

SLUG = "harbor-clinics"
LIST = f"/o/{SLUG}/integrations/"
NEW_ACTION = f"{LIST}new/api_action/"
NEW_CONNECTOR = f"{LIST}new/auth_connector/"
ACTION = {
    "name": "Look up patient",
    "description": "Finds a patient",
    "enabled": "on",
    "environments": ["staging", "production"],
    "base_url": "https://api.example.com",
    "auth_connector": "",
    "method": "POST",
    "path": "/v2/{params.clinic}/patients",
    "header_name": ["Authorization", ""],
    "header_value": ["Bearer {secrets.crm.apiKey}", ""],
    "query_name": ["limit"],
    "query_value": ["3"],
    "body_type": "json",
    "body_content": '{\r\n  "phone": "{params.phone}"\r\n}',
    "param_name": ["clinic", "phone", ""],
    "param_type": ["string", "string", "string"],
    "param_required": ["yes", "yes", "yes"],
    "param_description": ["Which one", "With country code", ""],
    "param_choices": ["north, south", "", ""],
    "timeout_seconds": "12.5",
    "check_path": "/v2/me",
    "returns_type": "fields",
    "returns_expression": "{id: id}",
}
DOMAIN_CHECK = f"{NEW_ACTION}domain-check/"
CONFIG = {
    "connection": None,
    "base_url": "https://api.example.com",
    "auth_connector": None,
    "method": "POST",
    "path": "/v2/{params.clinic}/patients",
    "headers": [{"name": "Authorization", "value": "Bearer {secrets.crm.apiKey}"}],
    "query": [{"name": "limit", "value": "3"}],
    "body": {"type": "json", "content": '{\n  "phone": "{params.phone}"\n}'},
    "parameters": {
        "type": "object",
        "properties": {
            "clinic": {"type": "string", "description": "Which one", "enum": ["north", "south"]},
            "phone": {"type": "string", "description": "With country code"},
        },
        "required": ["clinic", "phone"],
    },
    "timeout_seconds": 12.5,
    "max_argument_bytes": 65536,
    "max_response_bytes": 1_048_576,
    "follow_redirects": False,
    "check": {"method": "GET", "path": "/v2/me"},
    "returns": {"type": "fields", "expression": "{id: id}"},
}
CONNECTOR = {
    "name": "CRM token",
    "enabled": "on",
    "environments": ["staging"],
    "type": "bearer",
    "token": "{secrets.x}",
}

OAUTH = {
    "type": "oauth2_client_credentials",
    "token_url": "https://zoom.us/oauth/token?a=1",
    "client_id": "{secrets.zoom.id}",
    "client_secret": "",
    "scope": "",
    "audience": "",
    "client_authentication": "basic",
    "grant_type": "account_credentials",
    "token_body": "json",
    "extra_name": ["account_id", ""],
    "extra_value": ["{secrets.zoom.account}", ""],
}
"""The fields of a connector of the type OAuth 2, with all that is not usual."""


def page_of(integration, name="integration-edit"):
    return reverse(name, args=[SLUG, integration.id])


def errors_of(response):
    return {error.field: error.message for error in response.context["errors"]}
