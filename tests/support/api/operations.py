"""Every operation of the API: the scopes that open it and a body that it takes."""

from accounts.policy import Scope
from integrations.exchange.offered_tools import fingerprint_of
from tests.support.things import TOOL

SEARCH = {"name": "search", "fingerprint": fingerprint_of(TOOL)}
RUN = {"environment": "staging"}
HOOK = {"name": "Ops", "address": "https://hooks.example.com/coffer", "events": ["secret.created"]}
ACTION = {"kind": "api_action", "name": "New", "config": {"base_url": "https://api.example.com", "method": "GET"}}
FILE = {"version": 1, "secrets": {"new": {}}}

# Writing includes reading.
READ_SECRETS = {Scope.SECRETS_READ, Scope.SECRETS_WRITE}
READ_ALERTS = {Scope.ALERTS_READ, Scope.ALERTS_WRITE}
READ_INTEGRATIONS = {Scope.INTEGRATIONS_READ, Scope.INTEGRATIONS_WRITE, Scope.RULES_WRITE}
ROTATION = "/secrets/{secret_id}/rotation/{environment}"
TOOLS = "/integrations/{integration_id}/tools"
WEBHOOK = "/webhooks/{endpoint_id}"
AGENT_TOOLS = "/integrations/{integration_id}/agent-tools"

# What an operation needs besides the scope that opens it: checking a value calls integrations.
NEEDED_TOO = {("POST", ROTATION + "/check"): Scope.RUN}

REPLACE = ("POST", "/secrets/{secret_id}/replace-references")  # needs both of its scopes; the other operations need any

STOP = ("DELETE", "/sessions/{session_id}")  # of the key that calls; another key's does not exist

COMMAND = "curl https://api.example.com/v1/contacts"
IMPORT = {"document": COMMAND, "operations": ["GET /v1/contacts"]}

APPROVAL = ("GET", "/approvals/{approval_id}")  # of the key that called; another key's does not exist

# Every operation: the scopes that each open it, and a body that it accepts.
OPERATIONS = {
    ("GET", "/secrets"): (READ_SECRETS, None),
    ("POST", "/secrets"): ({Scope.SECRETS_WRITE}, {"name": "new"}),
    ("POST", "/secrets/import"): (
        {Scope.SECRETS_WRITE},
        {"environment": "staging", "dotenv": "NEW_KEY=value-of-it", "dry_run": True},
    ),
    ("GET", "/secrets/{secret_id}"): (READ_SECRETS, None),
    ("PATCH", "/secrets/{secret_id}"): ({Scope.SECRETS_WRITE}, {"description": "x"}),
    ("DELETE", "/secrets/{secret_id}"): ({Scope.SECRETS_WRITE}, None),
    ("GET", "/secrets/by-name/{secret_name}"): (READ_SECRETS, None),
    ("PUT", "/secrets/by-name/{secret_name}"): ({Scope.SECRETS_WRITE}, {"description": "x"}),
    ("GET", "/secrets/{secret_id}/references"): (READ_SECRETS, None),
    ("PUT", ROTATION): ({Scope.SECRETS_WRITE}, {"value": "a-new-value"}),
    ("DELETE", ROTATION): ({Scope.SECRETS_WRITE}, None),
    ("POST", ROTATION + "/check"): ({Scope.SECRETS_WRITE}, None),
    ("POST", ROTATION + "/promote"): ({Scope.SECRETS_WRITE}, {"accept_failures": True}),
    ("POST", ROTATION + "/rollback"): ({Scope.SECRETS_WRITE}, None),
    REPLACE: (
        {Scope.SECRETS_WRITE, Scope.INTEGRATIONS_WRITE},
        {"replacement": "00000000-0000-4000-8000-000000000000"},
    ),
    ("GET", "/integrations"): (READ_INTEGRATIONS, None),
    ("POST", "/integrations"): ({Scope.INTEGRATIONS_WRITE}, ACTION),
    ("GET", "/integrations/{integration_id}"): (READ_INTEGRATIONS, None),
    ("PATCH", "/integrations/{integration_id}"): ({Scope.INTEGRATIONS_WRITE}, {"description": "x"}),
    ("DELETE", "/integrations/{integration_id}"): ({Scope.INTEGRATIONS_WRITE}, None),
    ("GET", "/integrations/by-name/{integration_name}"): (READ_INTEGRATIONS, None),
    ("PUT", "/integrations/by-name/{integration_name}"): ({Scope.INTEGRATIONS_WRITE}, {"description": "x"}),
    ("POST", "/imports"): ({Scope.INTEGRATIONS_WRITE}, IMPORT),
    ("POST", "/imports/preview"): ({Scope.INTEGRATIONS_WRITE}, IMPORT),
    ("POST", "/imports/{import_id}/preview"): ({Scope.INTEGRATIONS_WRITE}, {"document": COMMAND}),
    ("POST", "/imports/{import_id}/update"): ({Scope.INTEGRATIONS_WRITE}, {"document": COMMAND}),
    ("POST", "/integrations/{integration_id}/duplicate"): ({Scope.INTEGRATIONS_WRITE}, None),
    ("GET", "/integrations/{integration_id}/operations"): (READ_INTEGRATIONS, None),
    ("POST", "/integrations/{integration_id}/run"): ({Scope.RUN}, RUN),
    ("POST", "/integrations/{integration_id}/test"): ({Scope.RUN}, RUN),
    ("GET", "/integrations/{integration_id}/budget"): (READ_INTEGRATIONS, None),
    ("PUT", "/integrations/{integration_id}/budget"): ({Scope.RULES_WRITE}, {"daily_calls": 100}),
    ("POST", TOOLS): ({Scope.RUN}, {"environment": "staging"}),
    ("POST", TOOLS + "/approve"): ({Scope.INTEGRATIONS_WRITE}, SEARCH),
    ("POST", TOOLS + "/approve-all"): ({Scope.INTEGRATIONS_WRITE}, {"tools": [SEARCH]}),
    ("POST", TOOLS + "/withdraw"): ({Scope.INTEGRATIONS_WRITE}, {"name": "search"}),
    ("GET", AGENT_TOOLS): (READ_INTEGRATIONS, None),
    ("PATCH", AGENT_TOOLS + "/{tool_id}"): ({Scope.INTEGRATIONS_WRITE}, {"read_only": False}),
    ("POST", "/organization/stop"): ({Scope.AGENTS_STOP}, {"why": "Refunds went wrong"}),
    ("GET", "/integrations/{integration_id}/rules"): (READ_INTEGRATIONS, None),
    ("PUT", "/integrations/{integration_id}/rules"): ({Scope.RULES_WRITE}, {"rules": [{"decision": "ask"}]}),
    ("POST", "/integrations/{integration_id}/rules/try"): (READ_INTEGRATIONS, RUN),
    ("GET", "/kinds"): (set(Scope), None),
    ("GET", "/configuration"): (READ_SECRETS | READ_INTEGRATIONS | READ_ALERTS, None),
    ("POST", "/configuration/plan"): (READ_SECRETS, FILE),
    ("POST", "/configuration/apply"): ({Scope.SECRETS_WRITE}, FILE),
    ("GET", "/readiness"): (READ_INTEGRATIONS, None),
    ("GET", "/services"): (READ_INTEGRATIONS, None),
    ("GET", "/key"): (set(Scope), None),
    ("GET", "/sessions"): ({Scope.RUN}, None),
    ("POST", "/sessions"): ({Scope.RUN}, {"name": "call-4711"}),
    STOP: ({Scope.RUN}, None),
    ("GET", "/runs/{run_id}"): ({Scope.AUDIT_READ}, None),
    ("GET", "/webhooks"): (READ_ALERTS, None),
    ("POST", "/webhooks"): ({Scope.ALERTS_WRITE}, HOOK),
    ("GET", WEBHOOK): (READ_ALERTS, None),
    ("PATCH", WEBHOOK): ({Scope.ALERTS_WRITE}, {"name": "Other"}),
    ("DELETE", WEBHOOK): ({Scope.ALERTS_WRITE}, None),
    ("POST", WEBHOOK + "/secret"): ({Scope.ALERTS_WRITE}, None),
    ("POST", WEBHOOK + "/pause"): ({Scope.ALERTS_WRITE}, None),
    ("POST", WEBHOOK + "/resume"): ({Scope.ALERTS_WRITE}, None),
    ("POST", WEBHOOK + "/test"): ({Scope.ALERTS_WRITE}, None),
    ("GET", WEBHOOK + "/deliveries"): (READ_ALERTS, None),
    ("POST", WEBHOOK + "/deliveries/{delivery_id}/redeliver"): ({Scope.ALERTS_WRITE}, None),
    ("GET", "/approvals"): ({Scope.RUN}, None),
    APPROVAL: ({Scope.RUN}, None),
    ("GET", "/runs"): ({Scope.AUDIT_READ}, None),
    ("GET", "/audit-events"): ({Scope.AUDIT_READ}, None),
}
