"""Integrations of every kind with their references, runs, rotation checks and tools."""

import hashlib
from uuid import uuid4

import factory
from django.db import transaction
from django.utils import timezone

from accounts.common.environments import Environment
from integrations.inheritance import parsed
from integrations.kinds import KINDS
from integrations.models import (
    AgentTool,
    AnsweredNonce,
    ApiImport,
    CallCounter,
    ImportedAction,
    Integration,
    MaskStamp,
    RemoteTool,
    RotationCheck,
    Run,
    RunOutcome,
    RunSecret,
    SecretDestination,
    SecretReference,
    ToolListing,
    ToolStamp,
)
from integrations.references.derive import derive
from tests.factories.accounts import OrganizationFactory
from tests.factories.secrets_app import SecretFactory, SecretValueFactory

DjangoModelFactory = factory.django.DjangoModelFactory

CONFIGS = {
    "api_action": {
        "base_url": "https://api.example.com",
        "method": "GET",
        "path": "/patients",
        "headers": [{"name": "Authorization", "value": "Bearer {secrets.crm.apiKey}"}],
    },
    "api_connection": {
        "base_url": "https://api.example.com",
        "headers": [{"name": "X-Api-Key", "value": "{secrets.crm.apiKey}"}],
    },
    "auth_connector": {"type": "bearer", "token": "{secrets.crm.apiKey}"},
    "calcom": {"api_key": "{secrets.calcom.key}", "event_type_id": 42, "time_zone": "Europe/Berlin"},
    "mcp_server": {
        "url": "https://mcp.example.com/mcp",
        "headers": [{"name": "X-Api-Key", "value": "{secrets.crm.apiKey}"}],
    },
    "sip_trunk": {
        "host": "sip.example.com",
        "transport": "udp",
        "username": "trunk1",
        "password": "{secrets.sip.password}",
        "realm": "sip.example.com",
    },
}
"""A small configuration of each kind, as a caller of the API would send it."""


class IntegrationFactory(DjangoModelFactory):
    """An API action that is enabled in staging; a trait makes another kind.

    The configuration is stored as the kind writes it, and the references are derived from it.
    """

    class Meta:
        model = Integration
        skip_postgeneration_save = True

    class Params:
        api_connection = factory.Trait(kind="api_connection")
        auth_connector = factory.Trait(kind="auth_connector")
        calcom = factory.Trait(kind="calcom")
        mcp_server = factory.Trait(kind="mcp_server")
        sip_trunk = factory.Trait(kind="sip_trunk")
        paused = factory.Trait(enabled=False)

    organization = factory.SubFactory(OrganizationFactory)
    kind = "api_action"
    name = factory.Sequence(lambda n: f"Integration {n}")
    environments = frozenset({Environment.STAGING})
    config = factory.LazyAttribute(lambda row: CONFIGS[row.kind])

    @classmethod
    def _adjust_kwargs(cls, **fields):
        kind = KINDS[fields["kind"]]
        return fields | {"config": kind.parse_config(fields["config"]).model_dump(mode="json", by_alias=True)}

    @factory.post_generation
    def derived(self, create, extracted, **more):
        """Derive the references."""
        if create:
            with transaction.atomic():
                derive(self, parsed(self))


class SecretReferenceFactory(DjangoModelFactory):
    """A reference that no configuration holds, to a secret of the same organization."""

    class Meta:
        model = SecretReference

    class Params:
        waiting = factory.Trait(secret=None, name="not.yet")

    integration = factory.SubFactory(IntegrationFactory)
    organization = factory.SelfAttribute("integration.organization")
    secret = factory.SubFactory(SecretFactory, organization=factory.SelfAttribute("..organization"))
    name = factory.SelfAttribute("secret.name")
    slot = factory.Sequence(lambda n: f"header:X-Key-{n}")
    needed_in = factory.SelfAttribute("integration.environments")


class SecretDestinationFactory(DjangoModelFactory):
    """A host beside those that the configuration names."""

    class Meta:
        model = SecretDestination

    reference = factory.SubFactory(SecretReferenceFactory)
    integration = factory.SelfAttribute("reference.integration")
    organization = factory.SelfAttribute("reference.organization")
    host = factory.Sequence(lambda n: f"host-{n}.example.com")


class MaskStampFactory(DjangoModelFactory):
    """A stamp of an organization that has stored no value yet; otherwise triggers have made its stamp."""

    class Meta:
        model = MaskStamp

    organization = factory.SubFactory(OrganizationFactory)
    stamp = factory.Sequence(lambda number: number + 1)


class RunFactory(DjangoModelFactory):
    """A run that succeeded, of an integration that may be gone."""

    class Meta:
        model = Run

    class Params:
        started = factory.Trait(outcome=RunOutcome.STARTED.value, status=None, duration_ms=None)
        upstream_error = factory.Trait(
            outcome=RunOutcome.UPSTREAM_ERROR.value, error_code="upstream_status", status=500
        )
        refused = factory.Trait(
            outcome=RunOutcome.REFUSED.value, error_code="secret_disabled", status=None, duration_ms=None
        )
        failed = factory.Trait(outcome=RunOutcome.FAILED.value, error_code="upstream_timeout", status=None)

    organization = factory.SubFactory(OrganizationFactory)
    integration_id = factory.LazyFunction(uuid4)
    integration_name = "Look up patient"
    kind = "api_action"
    operation = "call"
    environment = Environment.STAGING.value
    caller_kind = "api_key"
    caller_id = factory.LazyFunction(uuid4)
    caller = "API key agent"
    outcome = RunOutcome.SUCCEEDED.value
    host = "api.example.com"
    status = 200
    duration_ms = 40
    started_at = factory.LazyFunction(timezone.now)


class RunSecretFactory(DjangoModelFactory):
    """A secret that a run used."""

    class Meta:
        model = RunSecret

    run = factory.SubFactory(RunFactory)
    secret_id = factory.LazyFunction(uuid4)
    name = "crm.apiKey"
    version = 1
    started_at = factory.SelfAttribute("run.started_at")


class AnsweredNonceFactory(DjangoModelFactory):
    """A nonce that was answered once."""

    class Meta:
        model = AnsweredNonce

    integration_id = factory.LazyFunction(uuid4)
    nonce_hash = factory.Sequence(lambda n: hashlib.sha256(b"nonce %d" % n).hexdigest())
    count = 1
    last_used_at = factory.LazyFunction(timezone.now)


class RotationCheckFactory(DjangoModelFactory):
    """A staged value that passed its check at one reference."""

    class Meta:
        model = RotationCheck

    class Params:
        failed = factory.Trait(outcome="failed", code="upstream_status", detail="The upstream answered 401.")

    value = factory.SubFactory(SecretValueFactory, staged=True)
    reference_id = factory.LazyFunction(uuid4)
    outcome = "passed"
    detail = "The upstream answered 200."
    checked_at = factory.LazyFunction(timezone.now)


class RemoteToolFactory(DjangoModelFactory):
    """An approved tool of an MCP server."""

    class Meta:
        model = RemoteTool

    integration = factory.SubFactory(IntegrationFactory, mcp_server=True)
    name = factory.Sequence(lambda n: f"tool_{n}")
    approved_fingerprint = factory.Sequence(lambda n: hashlib.sha256(b"tool %d" % n).hexdigest())
    approved_by = "Mara Lindqvist"
    approved_at = factory.LazyFunction(timezone.now)


class ToolListingFactory(DjangoModelFactory):
    """The last list of the tools of an MCP server."""

    class Meta:
        model = ToolListing

    integration = factory.SubFactory(IntegrationFactory, mcp_server=True)
    environment = "staging"
    asked_at = listed_at = factory.LazyFunction(timezone.now)


class AgentToolFactory(DjangoModelFactory):
    """The tool of an API action."""

    class Meta:
        model = AgentTool

    integration = factory.SubFactory(IntegrationFactory)
    organization = factory.SelfAttribute("integration.organization")
    operation = "call"
    name = factory.Sequence(lambda n: f"tool_{n}")


class ToolStampFactory(DjangoModelFactory):
    """The stamp of an organization's tools, which triggers make with its first integration or secret."""

    class Meta:
        model = ToolStamp

    organization = factory.SubFactory(OrganizationFactory)
    stamp = 1


class ApiImportFactory(DjangoModelFactory):
    """The import of a connection."""

    class Meta:
        model = ApiImport

    connection = factory.SubFactory(IntegrationFactory, api_connection=True)
    form = "OpenAPI 3.1.0"
    title = "CRM"
    fingerprint = factory.Sequence(lambda n: hashlib.sha256(b"text %d" % n).hexdigest())
    operations = factory.LazyFunction(lambda: ["GET /patients"])


class ImportedActionFactory(DjangoModelFactory):
    """An action of the same organization that was made of an operation."""

    class Meta:
        model = ImportedAction

    source = factory.SubFactory(ApiImportFactory)
    integration = factory.SubFactory(
        IntegrationFactory, organization=factory.SelfAttribute("..source.connection.organization")
    )
    operation = "GET /patients"
    made = factory.LazyFunction(lambda: {"method": "0" * 16})


class CallCounterFactory(DjangoModelFactory):
    """A limit that has counted one call."""

    class Meta:
        model = CallCounter

    organization = factory.SubFactory(OrganizationFactory)
    name = factory.Sequence(lambda number: hashlib.sha256(b"counter %d" % number).hexdigest())
    counts = factory.LazyAttribute(lambda row: {str(int(row.used_at.timestamp())): 1})
    used_at = factory.LazyFunction(timezone.now)
