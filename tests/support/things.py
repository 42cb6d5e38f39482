"""Secrets, integrations and keys for tests, made through the services like everybody's."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.access.api_keys import create_api_key
from accounts.actors import Actor, actor_for_key
from accounts.common.environments import ALL_ENVIRONMENTS, Environment
from accounts.errors import NotFound
from accounts.models import ApiKey
from accounts.policy import Scope
from integrations.alerts import endpoints
from integrations.alerts.choices import EndpointFields
from integrations.editing.integrations import create_integration
from integrations.exchange.offered_tools import OfferedTool, read_tools
from integrations.holding.fingerprints import basis_of
from integrations.importing.making import make_import
from integrations.importing.plan import ImportOptions
from integrations.importing.reading import read_draft
from integrations.models import ApiImport, Approval, EndpointKind, Integration
from integrations.tools.agent_tools import ToolOffer, find_tools
from integrations.tools.approvals import approve_tools
from integrations.tools.shown_tools import store_listing
from secrets_app.editing.secrets import create_secret
from secrets_app.models import Secret
from secrets_app.plaintext import Plaintext
from tests.factories import ApprovalFactory

VALUE = "correct-horse-battery"
BASE_URL = "https://api.example.com"


def store_secret(
    actor: Actor,
    name: str = "crm.apiKey",
    value: str = VALUE,
    environments: Iterable[Environment] = ALL_ENVIRONMENTS,
    **fields: Any,
) -> Secret:
    """A secret with the same value in each of the environments."""
    values = {environment: Plaintext(value) for environment in environments}
    return create_secret(actor=actor, name=name, values=values, **fields)


def saved_days_ago(days: int) -> None:
    """Let every secret have been saved so many days ago."""
    Secret.objects.update(created_at=timezone.now() - timedelta(days=days))


def make_action(
    actor: Actor,
    name: str = "Look up patient",
    *,
    uses: str = "crm.apiKey",
    environments: Iterable[Environment] = (Environment.STAGING,),
    enabled: bool = True,
    **config: Any,
) -> Integration:
    """An API action that sends `uses` as bearer token; empty for an action without secrets."""
    headers = [{"name": "Authorization", "value": f"Bearer {{secrets.{uses}}}"}] if uses else []
    return create_integration(
        actor=actor,
        kind="api_action",
        name=name,
        environments=environments,
        enabled=enabled,
        config={"base_url": BASE_URL, "method": "GET", "path": "/patients", "headers": headers, **config},
    )


def make_import_of(
    actor: Actor,
    text: str = "curl https://api.example.com/v1/contacts",
    environments: Iterable[Environment] = (),
) -> ApiImport:
    """An import of the first operation of a text."""
    draft = read_draft(text)
    options = ImportOptions(operations=[draft.outlines[0].key], environments=frozenset(environments))
    return make_import(actor=actor, draft=draft, options=options).record


def make_connector(
    actor: Actor,
    name: str = "CRM bearer token",
    *,
    uses: str = "crm.apiKey",
    environments: Iterable[Environment] = ALL_ENVIRONMENTS,
    **fields: Any,
) -> Integration:
    """An auth connector that sends `uses` as bearer token."""
    config = {"type": "bearer", "token": f"{{secrets.{uses}}}"}
    return create_integration(
        actor=actor, kind="auth_connector", name=name, environments=environments, config=config, **fields
    )


def make_connection(
    actor: Actor,
    base_url: str = BASE_URL,
    name: str = "CRM API",
    *,
    environments: Iterable[Environment] = (Environment.STAGING,),
    enabled: bool = True,
    **config: Any,
) -> Integration:
    """An API connection without credentials of its own."""
    return create_integration(
        actor=actor,
        kind="api_connection",
        name=name,
        environments=environments,
        enabled=enabled,
        config={"base_url": base_url, **config},
    )


def make_oauth(actor: Actor, server_url: str, **config: Any) -> Integration:
    """An auth connector that fetches tokens with `crm.clientId` and `crm.clientSecret`."""
    defaults = {
        "type": "oauth2_client_credentials",
        "token_url": f"{server_url}/token",
        "client_id": "{secrets.crm.clientId}",
        "client_secret": "{secrets.crm.clientSecret}",
    }
    return create_integration(
        actor=actor,
        kind="auth_connector",
        name="CRM sign-in",
        environments=[Environment.STAGING],
        config=defaults | config,
    )


def make_trunk(
    actor: Actor,
    name: str = "Primary trunk",
    *,
    environments: Iterable[Environment] = (Environment.STAGING,),
    **config: Any,
) -> Integration:
    """A SIP trunk that signs in with `sip.password`; None leaves a field out."""
    defaults = {
        "host": "sip.test",
        "transport": "udp",
        "username": "trunk1",
        "password": "{secrets.sip.password}",
        "realm": "sip.test",
    }
    config = {key: value for key, value in (defaults | config).items() if value is not None}
    return create_integration(actor=actor, kind="sip_trunk", name=name, environments=environments, config=config)


def make_mcp_server(
    actor: Actor,
    url: str = "https://mcp.example.com/mcp",
    name: str = "CRM tools",
    *,
    environments: Iterable[Environment] = (Environment.STAGING,),
    only_approved_tools: bool = False,
    **config: Any,
) -> Integration:
    """An MCP server; agents may call all of its tools, unless `only_approved_tools`."""
    return create_integration(
        actor=actor,
        kind="mcp_server",
        name=name,
        environments=environments,
        only_approved_tools=only_approved_tools,
        config={"url": url, **config},
    )


def key_for(
    actor: Actor,
    *scopes: Scope,
    environments: Iterable[Environment] = ALL_ENVIRONMENTS,
    integrations: Iterable[Any] | None = None,
    **limits: Any,
) -> str:
    """The text of a new API key of the actor's organization; every scope unless some are named."""
    _, text = create_api_key(
        actor=actor,
        name="agent",
        scopes=scopes or Scope,
        environments=environments,
        integrations=integrations,
        **limits,
    )
    return text.text


def actor_for_staging_key(owner: Actor) -> Actor:
    """The actor of a new API key that is bound to staging."""
    key_for(owner, environments=[Environment.STAGING])
    return actor_for_key(ApiKey.objects.select_related("organization").latest("created_at"))


TOOL = {"name": "search", "description": "Finds people.", "inputSchema": {"type": "object"}}


def show_tools(
    actor: Actor, server: Integration, *definitions: dict[str, Any], environment: Environment = Environment.STAGING
) -> list[OfferedTool]:
    """Tools that a listing of a server showed; `TOOL` unless some are given."""
    offered = read_tools({"tools": list(definitions or [TOOL])})
    store_listing(actor, server.id, environment, offered)
    return offered


def approve_shown(actor: Actor, server: Integration, *definitions: dict[str, Any]) -> list[OfferedTool]:
    """Tools that a listing showed and that were approved."""
    offered = show_tools(actor, server, *definitions)
    approve_tools(actor=actor, integration_id=server.id, tools=[(tool.name, tool.fingerprint) for tool in offered])
    return offered


def find_tool(actor: Actor, name: str) -> ToolOffer:
    """The tool of this name as the actor sees it, or the refusal, raised."""
    (found,) = find_tools([(actor, name)])
    if isinstance(found, NotFound):
        raise found
    return found


def endpoint_with_delivery(actor):
    """A webhook with a test event that waits; the ids of both."""
    fields = EndpointFields(EndpointKind.WEBHOOK, address="https://hooks.example.com/coffer", events=["secret.created"])
    endpoint, _ = endpoints.create_endpoint(actor=actor, fields=fields)
    return endpoint.pk, endpoints.send_test(actor=actor, endpoint_id=endpoint.pk).pk


def held_call(owner: Actor) -> Approval:
    """A call that waits for a person, of an integration that has not changed since."""
    asking = Integration.objects.get(pk=make_action(owner, "Asks", uses="used.key").pk)
    return ApprovalFactory(organization=owner.organization, integration_id=asking.pk, basis=basis_of(asking))


def make_changed_server(owner: Actor) -> Integration:
    """An MCP server of which one tool is approved, and has changed since."""
    server = make_mcp_server(owner)
    approve_shown(owner, server)
    show_tools(owner, server, TOOL | {"description": "Finds people and places."})
    return server
