"""A small description and a curl command, and their import."""

import json

from integrations.importing.making import make_import
from integrations.importing.plan import ImportOptions
from integrations.importing.reading import read_draft

DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Clinic CRM", "version": "7"},
    "servers": [{"url": "https://api.clinic.example.com/v1"}],
    "security": [{"token": []}],
    "components": {
        "securitySchemes": {
            "token": {"type": "http", "scheme": "bearer"},
            "account": {"type": "apiKey", "in": "header", "name": "X-Account-Key"},
            "machine": {
                "type": "oauth2",
                "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": {"read": ""}}},
            },
        }
    },
    "paths": {
        "/contacts": {
            "get": {
                "summary": "List contacts",
                "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 50}}],
            },
        },
        "/contacts/{id}": {
            "delete": {"summary": "Delete a contact", "security": [{"token": [], "account": []}]},
        },
    },
}
KEYS = ("GET /contacts", "DELETE /contacts/{id}")
CURL = (
    "curl https://api.clinic.example.com/v1/contacts -H 'Authorization: Bearer sk_live_4fG7hJ2kLm9Qw3Er' "
    "-d '{\"name\": \"Jo\"}' -H 'Content-Type: application/json'"
)


def imported(actor, text=None, keys=KEYS, **options):
    draft = read_draft(text or json.dumps(DOCUMENT))
    chosen = ImportOptions(operations=keys, **options)
    return make_import(actor=actor, draft=draft, options=chosen)
