"""What the demo organization keeps: believable secrets and the integrations that use them, created through the same
services as everybody's.

The actions of the CRM and of the laboratory call the echo upstream on loopback; HubSpot, Stripe and billing name
services that the demo never calls. Calendar, telephone line and tools are in `providers.py`.
"""

import secrets
from typing import Any

from accounts.actors import Actor
from accounts.common.environments import ALL_ENVIRONMENTS, Environment
from config.demo.providers import load_providers, provider_values
from config.demo.stand_ins import Ports
from integrations.editing.integrations import create_integration
from integrations.editing.rules import set_rules
from integrations.models import Integration
from integrations.rules.comparisons import ArgumentCheck, Operator, schema_of
from integrations.rules.reading import read_rules
from integrations.rules.shape import Decision
from secrets_app.editing.secrets import create_secret, set_enabled
from secrets_app.plaintext import Plaintext

DEVELOPMENT, STAGING, PRODUCTION = Environment

SECRETS: list[tuple[str, str, set[Environment], list[str]]] = [
    (
        "crm.apiKey",
        "Patient records: read and update contacts. One key per clinic group.",
        {DEVELOPMENT, STAGING, PRODUCTION},
        [],
    ),
    ("crm-staging-webhook-token", "Signs test events sent to the CRM sandbox", {STAGING}, []),
    ("lab.apiKey", "Reads reports of the laboratory", {DEVELOPMENT, STAGING, PRODUCTION}, []),
    (
        "stripe_restricted_key",
        "Deposits: payment links only, no refunds",
        {DEVELOPMENT, PRODUCTION},
        ["api.stripe.com"],
    ),
    ("twilio_auth_token", "Appointment reminders by SMS", {DEVELOPMENT, STAGING, PRODUCTION}, ["api.twilio.com"]),
    (
        "sip.backup.password",
        "Backup trunk, switched off until the December cut-over",
        {PRODUCTION},
        ["sip2.telecarrier.example"],
    ),
    ("aws.accessKey", "Old call-recording export, replaced in August", {PRODUCTION}, ["s3.eu-central-1.amazonaws.com"]),
    (
        "weather_api_key",
        "Saved for the travel-delay prompt, not rolled out yet",
        {DEVELOPMENT},
        ["api.weather.example"],
    ),
]
DISABLED = ["sip.backup.password", "aws.accessKey"]


def load_content(owner: Actor, ports: Ports) -> dict[str, Integration]:
    """Store everything; the integrations whose other end is one of the stand-ins, by name."""
    stored = {name: _secret(owner, name, description, where, domains) for name, description, where, domains in SECRETS}
    create_secret(
        actor=owner,
        name="hubspot_api_token",
        description="One private app token for all three environments",
        values=dict.fromkeys(Environment, Plaintext(f"pat-eu1-{secrets.token_hex(16)}")),
        allowed_domains=["api.hubapi.com"],
        entered_once=True,
    )
    for name, description, values in provider_values():
        create_secret(actor=owner, name=name, description=description, values=values, entered_once=len(values) > 1)
    echo_url = f"http://127.0.0.1:{ports['echo']}"
    answered = [*_crm(owner, echo_url), *_laboratory(owner, echo_url), *load_providers(owner, ports)]
    _others(owner)
    for name in DISABLED:
        set_enabled(actor=owner, secret_id=stored[name], enabled=False)
    return {integration.name: integration for integration in answered}


def _secret(owner: Actor, name: str, description: str, where: set[Environment], domains: list[str]) -> Any:
    values = {environment: Plaintext(f"demo-{environment.value}-{secrets.token_hex(12)}") for environment in where}
    secret = create_secret(actor=owner, name=name, description=description, values=values, allowed_domains=domains)
    return secret.id


def _crm(owner: Actor, echo_url: str) -> list[Integration]:
    connector = create_integration(
        actor=owner,
        kind="auth_connector",
        name="CRM bearer token",
        description="Authentication of every call to the CRM",
        environments=ALL_ENVIRONMENTS,
        config={"type": "bearer", "token": "{secrets.crm.apiKey}"},
    )
    common = {"base_url": echo_url, "auth_connector": str(connector.id)}
    return [_look_up(owner, common), _follow_up(owner, common), _test_event(owner, echo_url)]


def _look_up(owner: Actor, common: dict[str, Any]) -> Integration:
    body = '{\n  "phone": "{params.phone}",\n  "birth_date": "{params.birth_date}"\n}'
    parameters = _parameters(
        phone=("Phone number the patient is calling from, with country code", True),
        birth_date=("Date of birth, to tell family members apart", True),
        clinic_id=("Filled from the phone line that was called", True),
        call_id=("Filled by the platform", "unknown"),
    )
    config = {
        "method": "POST",
        "path": "/v2/{params.clinic_id}/patients",
        "headers": [{"name": "X-Trace", "value": "agent-{params.call_id}"}],
        "query": [{"name": "limit", "value": "3"}],
        "body": {"type": "json", "content": body},
        "check": {"method": "GET", "path": "/v2/me"},
        "parameters": parameters,
    }
    description = "Finds a patient by phone number and date of birth"
    return _action(owner, "Look up patient", description, ALL_ENVIRONMENTS, common | config)


def _follow_up(owner: Actor, common: dict[str, Any]) -> Integration:
    config = {
        "method": "POST",
        "path": "/v2/tasks",
        "body": {"type": "json", "content": '{"title": "{params.title}"}'},
        "parameters": _parameters(title=("What has to be done", True)),
    }
    description = "Leaves a task for the front desk"
    return _action(owner, "Create follow-up task", description, [STAGING, PRODUCTION], common | config)


def _test_event(owner: Actor, echo_url: str) -> Integration:
    config = {
        "base_url": echo_url,
        "method": "POST",
        "path": "/hooks/test",
        "headers": [{"name": "X-Hook-Token", "value": "{secrets.crm-staging-webhook-token}"}],
    }
    return _action(owner, "Send test event", "Posts a signed event to the CRM sandbox", [STAGING], config)


def _laboratory(owner: Actor, echo_url: str) -> list[Integration]:
    connection = create_integration(
        actor=owner,
        kind="api_connection",
        name="Laboratory",
        description="Address and credential of every call to the laboratory",
        environments=ALL_ENVIRONMENTS,
        config={
            "base_url": echo_url,
            "headers": [{"name": "X-Api-Key", "value": "{secrets.lab.apiKey}"}],
            "check_path": "/v1/status",
        },
    )
    fetch = _action(
        owner,
        "Fetch lab report",
        "Reads one report of the laboratory",
        ALL_ENVIRONMENTS,
        {
            "connection": str(connection.id),
            "method": "GET",
            "path": "/v1/reports/{params.report_id}",
            "parameters": _parameters(report_id=("The report's number", True)),
        },
    )
    return [connection, fetch]


def _others(owner: Actor) -> None:
    """Integrations with services that are never called."""
    hubspot = {
        "base_url": "https://api.hubapi.com",
        "headers": [{"name": "Authorization", "value": "Bearer {secrets.hubspot_api_token}"}],
    }
    log_call = hubspot | {"method": "POST", "path": "/crm/v3/objects/calls"}
    find_company = hubspot | {"method": "GET", "path": "/crm/v3/objects/companies"}
    _action(owner, "Log call", "Writes the call to the contact's timeline", ALL_ENVIRONMENTS, log_call)
    _action(owner, "Find company", "Looks a company up by domain", ALL_ENVIRONMENTS, find_company)
    billing = {
        "base_url": "https://billing.example.com",
        "headers": [{"name": "X-Billing-Token", "value": "{secrets.billing.token}"}],
    }
    fetch_invoice = billing | {"method": "GET", "path": "/invoices/latest"}
    refund_invoice = billing | {
        "method": "POST",
        "path": "/refunds",
        "body": {
            "type": "json",
            "content": '{"invoice": "{params.invoice}", "amount": "{params.amount}", "reason": "{params.reason}"}',
        },
        "parameters": _REFUND,
    }
    _action(owner, "Fetch invoice", "Reads one invoice", [PRODUCTION], fetch_invoice)
    refund = _action(owner, "Refund invoice", "Asks for a refund", [STAGING, PRODUCTION], refund_invoice)
    set_rules(actor=owner, integration_id=refund.pk, rules=read_rules(_REFUND_RULES))
    payment = [{"name": "Authorization", "value": "Bearer {secrets.stripe_restricted_key}"}]
    stripe = {"base_url": "https://api.stripe.com", "headers": payment, "method": "POST", "path": "/v1/payment_links"}
    _action(owner, "Create payment link", "Takes a deposit", [DEVELOPMENT, PRODUCTION], stripe)


_REFUND = {
    "type": "object",
    "properties": {
        "invoice": {"type": "string", "description": "The invoice's number"},
        "amount": {"type": "number", "description": "In euros"},
        "reason": {"type": "string", "description": "What the patient said"},
    },
    "required": ["invoice", "amount", "reason"],
}
_MOST, _UNASKED = ArgumentCheck("amount", Operator.AT_MOST, 500), ArgumentCheck("amount", Operator.MORE_THAN, 50)
_REFUND_RULES = [
    {"operation": "call", "decision": "allow", "arguments": schema_of([_MOST], Decision.ALLOW)},
    {
        "operation": "call",
        "environments": [PRODUCTION.value],
        "decision": "ask",
        "arguments": schema_of([_UNASKED], Decision.ASK),
        "ask": {"minutes": 30},
    },
    {"decision": "allow", "limit": {"calls": 200, "per": "day"}},
]
"""Refunds up to 50 are made, up to 500 a person is asked in Production, more is refused."""


def _action(owner: Actor, name: str, description: str, environments: Any, config: dict[str, Any]) -> Integration:
    return create_integration(
        actor=owner, kind="api_action", name=name, description=description, environments=environments, config=config
    )


def _parameters(**declared: tuple[str, bool | str]) -> dict[str, Any]:
    """JSON Schema of text parameters, each a description and True (needed) or its default."""
    return {
        "type": "object",
        "properties": {
            name: {"type": "string", "description": description} | ({} if needed is True else {"default": needed})
            for name, (description, needed) in declared.items()
        },
        "required": [name for name, (_, needed) in declared.items() if needed is True],
    }
