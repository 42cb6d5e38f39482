"""One of everything that pages show, for the tests that open every page."""

import json
from datetime import timedelta
from uuid import uuid4

from django.utils import timezone

from accounts.access.agent_sessions import start_session
from accounts.access.api_keys import create_api_key, revoke_api_key
from accounts.access.callers import actor_of_key
from accounts.actors import actor_for_member
from accounts.audit import refused_attempts
from accounts.audit.trail import Event
from accounts.common.environments import Environment
from accounts.errors import PermissionDenied
from accounts.models import ApiKey, Invitation
from accounts.people.invitations import invite
from accounts.policy import Role, Scope
from integrations.broker.ledger import STEPS
from integrations.editing.integrations import create_integration
from integrations.exchange.messages import PreviewRequest
from integrations.holding import contents
from secrets_app.editing.secrets import create_secret, set_enabled
from secrets_app.plaintext import Plaintext
from secrets_app.requests.answering import ask, dismiss
from secrets_app.rotation import rotation
from tests.factories import (
    AlertEndpointFactory,
    ApprovalFactory,
    DeliveryFactory,
    DeliveryTryFactory,
    InvitationFactory,
    MembershipFactory,
    RunFactory,
    RunSecretFactory,
)
from tests.support.things import TOOL, approve_shown, make_connection, make_import_of, show_tools


def make_keys(owner, integration_id):
    """A key of every state; the one that works."""
    bounds = {"actor": owner, "environments": [Environment.PRODUCTION]}
    ending = timezone.now() + timedelta(days=3)
    create_api_key(**bounds, name="siem-export", scopes=[Scope.AUDIT_READ], expires_at=ending)
    old, _ = create_api_key(**bounds, name="old-dialer", scopes=Scope, max_per_minute=600)
    revoke_api_key(actor=owner, key_id=old.id)
    expired, _ = create_api_key(**bounds, name="expired-dialer", scopes=[Scope.RUN])
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    only = [integration_id, uuid4()]
    key, text = create_api_key(**bounds, name="voice-runtime", scopes=[Scope.RUN], integrations=only)
    start_session(actor=actor_of_key(text.text, address="203.0.113.40", user_agent="node"), name="call-4711")
    return key


def make_requests(owner, member):
    """A request of every state, of which one waits; an attempt that was refused."""
    bounds = {"environments": [Environment.PRODUCTION], "why": "Eligibility checks of the reception agent"}
    made = [ask(actor=member, name=f"insurance.apiKey{number}", **bounds) for number in range(3)]
    dismiss(actor=owner, request_id=made[1].id, reason="Use crm.apiKey, it opens the same system")
    create_secret(actor=owner, name=made[2].name)
    secret = refused_attempts.AttemptTarget(made[1].id, "crm.apiKey")
    tried = refused_attempts.RefusedAttempt(member, Event.SECRET_DELETED, secret)
    refused_attempts.record_refusal(tried, PermissionDenied("This needs the permission secrets.write."))
    return made[0]


def make_people(owner):
    """An admin who made an API key, and invitations of every state; the admin's membership."""
    colleague = MembershipFactory(organization=owner.organization, role=Role.ADMIN, user__name="Tomás Ferreira")
    create_api_key(
        actor=actor_for_member(colleague), name="dialer", scopes=[Scope.RUN], environments=[Environment.STAGING]
    )
    invite(actor=owner, emails=["noor@harbor.example", "over@harbor.example"], role=Role.ADMIN)
    Invitation.objects.filter(email="over@harbor.example").update(sent_at=None, expires_at=timezone.now())
    InvitationFactory(organization=owner.organization, invited_by="Rosa (staff)", awaits_owner=True)
    return colleague


def make_runs(owner, action, secret):
    """A run of each look, with measured steps."""
    place = {"organization": owner.organization, "integration_id": action.id, "integration_name": action.name}
    steps = dict(zip(STEPS, (0.8, 0.5, 3.6, 26.0, 115.2, 0.6, 1.4), strict=True))
    answered = {"steps": steps, "address": "203.0.113.61", "answer_bytes": 214, "request_id": "req-7f3a"}
    run = RunFactory(**place, **answered, outcome="upstream_error", status=401)
    RunSecretFactory(run=run, secret_id=secret.id, name=secret.name, version=3)
    RunFactory(**place, **answered, environment="production", caller_kind="user", caller=str(owner.label))
    refused = RunFactory(**place, refused=True, steps={"admitted": 0.6}, duration_ms=0)
    started = RunFactory(**place, started=True, steps={"admitted": 0.6})
    return {"run": run, "refused": refused, "started": started}


def make_alerts(owner):
    """A channel, a webhook that fails, with a delivery that was tried, and a paused stream."""
    organization = owner.organization
    hook = AlertEndpointFactory(organization=organization, failing_since=timezone.now(), failures=2, problem="503")
    delivery = DeliveryTryFactory(delivery__endpoint=hook, failed=True).delivery
    DeliveryTryFactory(delivery=DeliveryFactory(endpoint=hook, delivered=True))
    AlertEndpointFactory(organization=organization, kind="audit_lines", events=[], paused="failures")
    channel = AlertEndpointFactory(organization=organization, email=True, name="On call", events=["secret.missing"])
    return {"hook": hook, "delivery": delivery, "channel": channel}


def make_approvals(owner, action, server):
    """A held call of an action and of a tool, with their contents; one of every other state."""
    mine = {"organization": owner.organization}
    held = ApprovalFactory(
        **mine, integration_id=action.id, most_minutes=60, reason="The caller asked to be looked up", asked_again=2
    )
    params = {"clinic": "altona", "phone": "+49 40 5550 0142"}
    headers = [("Authorization", "Bearer ••••••••"), ("Content-Type", "application/json")]
    body = '{"phone": "+49 40 5550 0142", "notify": true}'
    preview = PreviewRequest("POST", "other.example.com", "/altona", headers, body)
    contents.seal(held, contents.Contents(params, preview))
    tool = {"kind": "mcp_server", "integration_name": server.name, "operation": "call_tool:contacts.search"}
    call = {"name": "contacts.search", "arguments": {"query": "Lena", "limit": 5}}
    contents.seal(
        ApprovalFactory(**mine, **tool, integration_id=server.id, four_eyes=True, most_minutes=60),
        contents.Contents(call, PreviewRequest("POST", "mcp.example.com", "/v1", headers, json.dumps(call))),
    )
    for state in ({"for_a_while": True}, {"used": True}, {"denied": True, "note": "Ask billing"}, {"expired": True}):
        over = ApprovalFactory(**mine, **state)
    return {"held": held, "over": over}


def make_content(owner, member) -> dict[str, str]:
    """One of everything; the ids that addresses need."""
    values = {environment: Plaintext(f"value-of-{environment}-0815") for environment in Environment}
    used = create_secret(actor=owner, name="crm.apiKey", values=values, allowed_domains=["api.example.com"])
    unused = create_secret(actor=owner, name="weather_api_key", description="Not rolled out yet")
    set_enabled(actor=owner, secret_id=unused.id, enabled=False)
    connector = create_integration(
        actor=owner,
        kind="auth_connector",
        name="CRM bearer token",
        environments=list(Environment),
        config={"type": "bearer", "token": "{secrets.crm.apiKey}"},
    )
    action = create_integration(
        actor=owner,
        kind="api_action",
        name="Look up patient",
        description="Finds a patient",
        environments=[Environment.STAGING, Environment.PRODUCTION],
        config={
            "base_url": "https://other.example.com",
            "auth_connector": str(connector.id),
            "method": "POST",
            "path": "/{params.clinic}",
            "headers": [{"name": "X-Token", "value": "{secrets.billing.token}"}],
            "body": {"type": "json", "content": '{"phone": "{params.phone}"}'},
            "parameters": {
                "type": "object",
                "properties": {"clinic": {"type": "string", "enum": ["a", "b"]}, "phone": {"type": "string"}},
                "required": ["clinic", "phone"],
            },
        },
    )
    calendar = create_integration(
        actor=owner,
        kind="calcom",
        name="Reception calendar",
        environments=[Environment.PRODUCTION],
        config={"api_key": "{secrets.crm.apiKey}", "event_type_id": 42, "time_zone": "Europe/Berlin"},
    )
    trunk = create_integration(
        actor=owner,
        kind="sip_trunk",
        name="Primary trunk",
        environments=[Environment.STAGING, Environment.PRODUCTION],
        config={
            "host": "sip.carrier.example",
            "username": "harbor-clinics-01",
            "password": "{secrets.crm.apiKey}",
            "realm": "carrier.example",
            "register": True,
            "numbers": ["+49 40 5550 0100"],
        },
    )
    server = create_integration(
        actor=owner,
        kind="mcp_server",
        name="CRM tools",
        environments=[Environment.STAGING],
        config={"url": "https://mcp.example.com/v1", "query": [{"name": "key", "value": "{secrets.crm.apiKey}"}]},
    )
    tool = TOOL | {"name": "contacts.search"}
    approve_shown(owner, server, tool, TOOL | {"name": "contacts.get"})
    show_tools(owner, server, tool | {"description": "Finds people. Read the manual first."}, TOOL)
    for environment in (Environment.PRODUCTION, Environment.STAGING):
        place = {"actor": owner, "secret_id": used.id, "environment": environment}
        rotation.stage(**place, value=Plaintext("a-new-value-0815"))
        if environment is Environment.PRODUCTION:
            rotation.promote(**place, approve=lambda staged: [])
    made = {"used": used, "unused": unused, "connector": connector, "action": action}
    made |= {"key": make_keys(owner, connector.id), "request": make_requests(owner, member)}
    made |= {"colleague": make_people(owner)}
    made |= make_runs(owner, action, used)
    made |= make_alerts(owner)
    made |= make_approvals(owner, action, server)
    made |= {"calendar": calendar, "trunk": trunk, "server": server, "tool": action.agent_tools.get()}
    made["imported"] = make_import_of(owner)
    lines = ["POST /v1/chat/completions", "* /v1/files/**"]
    passing = {"pass_through": "listed", "pass_through_paths": lines}
    environments = [Environment.STAGING, Environment.PRODUCTION]
    made["connection"] = make_connection(owner, name="OpenAI", environments=environments, **passing)
    return {name: str(thing.id) for name, thing in made.items()}
