"""Schemas of integrations in the HTTP API, and of running them."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field, StrictBool

from accounts.actors import Actor
from accounts.api.schemas import Payload, StrictSchema
from accounts.common.environments import Environment, in_order
from integrations.editing.integrations import IntegrationChanges
from integrations.kinds import KINDS
from integrations.models import Integration
from integrations.readiness import matrix, overview
from integrations.readiness.overview import health
from integrations.readiness.warnings import Warning  # noqa: A004 - the API's word
from integrations.stops.disabled import DISABLED

RAW = "Accept texts that look like a credential; otherwise they are refused with the code `raw_credential`."
TOOL_NAME = (
    "The name of its tool for agents; for an integration with several operations the start of their names. By default "
    "made of the name, which it does not follow later: agents that know the old name lose the tool when it changes."
)
ONLY_APPROVED = "Whether agents get only those tools of an MCP server that a person approved. Other kinds ignore it."
AS_STORED = (
    "id", "kind", "name", "description", "tool_name", "only_approved_tools", "enabled", *DISABLED, "config",
    "created_at", "updated_at", "version",
)  # fmt: skip
"""The columns of an integration that the API shows as they are."""
DISABLED_WHY = "With `enabled: false`, the reason, which callers that are refused read."
STATE = "`failing` in the environments of `failing_in`; `ready` until a run or check has said that it works or fails."


class IntegrationIn(Payload):
    """`POST /integrations`. The content of `config` depends on the kind."""

    stand_ins: ClassVar[Mapping[str, Any]] = {"kind": "", "name": "A name that nobody has", "config": {}}

    kind: str
    name: str
    description: str = ""
    tool_name: str = Field(default="", description=TOOL_NAME)
    only_approved_tools: StrictBool = Field(default=True, description=ONLY_APPROVED)
    enabled: StrictBool = True
    environments: list[Environment] = []
    config: dict[str, Any]
    accept_raw_credentials: StrictBool = Field(default=False, description=RAW)


class IntegrationFieldsIn(Payload):
    """The fields of an integration that may be left out; `config` is replaced as a whole."""

    description: str | None = None
    tool_name: str | None = Field(default=None, description=TOOL_NAME)
    only_approved_tools: StrictBool | None = Field(default=None, description=ONLY_APPROVED)
    enabled: StrictBool | None = None
    disabled_why: str = Field(default="", description=DISABLED_WHY)
    environments: list[Environment] | None = None
    config: dict[str, Any] | None = None
    accept_raw_credentials: StrictBool = Field(default=False, description=RAW)

    def changes(self, name: str | None = None) -> IntegrationChanges:
        """Return what the given fields change."""
        return IntegrationChanges(
            name=name,
            description=self.description,
            tool_name=self.tool_name,
            only_approved_tools=self.only_approved_tools,
            enabled=self.enabled,
            disabled_why=self.disabled_why,
            environments=self.environments,
            config=self.config,
            accept_raw_credentials=self.accept_raw_credentials,
        )


class IntegrationPatch(IntegrationFieldsIn):
    """`PATCH /integrations/{id}`. Omitted fields are not changed; `config` is replaced as a whole."""

    name: str | None = None


class OwnReferenceOut(Schema):
    """A use of a secret by the integration. `exists` is false if no secret has the name."""

    slot: str
    name: str
    exists: bool
    last_used_at: datetime | None


class WarningOut(Schema):
    """What would refuse a run, with the error code of that run."""

    code: str
    detail: str
    secret: str | None
    environment: Environment | None


class IntegrationOut(Schema):
    """An integration."""

    id: UUID
    kind: str
    name: str
    description: str
    tool_name: str = Field(description=TOOL_NAME)
    only_approved_tools: bool = Field(description=ONLY_APPROVED)
    enabled: bool
    disabled_at: datetime | None
    disabled_by: str = Field(description="Who disabled it; empty while it is enabled, or if it was made disabled.")
    disabled_why: str
    environments: list[Environment]
    config: dict[str, Any]
    references: list[OwnReferenceOut]
    warnings: list[WarningOut]
    state: Literal["ready", "working", "failing", "paused"] = Field(description=STATE)
    failing_in: list[Environment]
    created_at: datetime
    updated_at: datetime
    version: int


class IntegrationsOut(Schema):
    """A page of integrations."""

    items: list[IntegrationOut]
    next_cursor: str | None


class OperationOut(Schema):
    """An operation of an integration."""

    name: str
    description: str
    parameters: dict[str, Any]
    read_only: bool


class OperationsOut(Schema):
    """A page of the operations of an integration."""

    items: list[OperationOut]
    next_cursor: str | None


class HeaderOut(Schema):
    """A masked response header."""

    name: str
    value: str


class WithheldOut(Schema):
    """Why a body is withheld."""

    code: Literal[
        "value_found",
        "short_value",
        "not_checked",
        "unknown_encoding",
        "compressed",
        "status_alone",
        "not_json",
        "response_too_large",
        "response_unreadable",
        "upstream_timeout",
        "replayed",
    ]
    message: str


class RunResultOut(Schema):
    """The masked result of a run that reached the upstream."""

    run_id: UUID
    outcome: Literal["succeeded", "upstream_error"]
    status: int | None
    headers: list[HeaderOut]
    body: Any
    body_type: Literal["json", "text", "base64", "withheld"]
    media_type: str | None
    masked: list[str]
    withheld: WithheldOut | None
    duration_ms: int


class CheckIn(StrictSchema):
    """`POST /integrations/{id}/test`."""

    environment: Environment


class StepOut(Schema):
    """A step of the harmless check."""

    name: str
    outcome: Literal["passed", "failed", "not_checkable"]
    code: str | None
    detail: str


class CheckOut(Schema):
    """The result of a check; `ok` is true if every step passed."""

    ok: bool
    steps: list[StepOut]


def integration_out(integration: Integration, warnings: Collection[Warning]) -> dict[str, Any]:
    """Return an integration as the API represents it.

    Args:
        integration: loaded by `overview.with_secrets`.
        warnings: what would refuse its runs.
    """
    fares = health(integration, warnings)
    return {
        **{column: getattr(integration, column) for column in AS_STORED},
        "environments": in_order(integration.environments),
        "references": [
            {"slot": row.slot, "name": row.name, "exists": row.secret_id is not None, "last_used_at": row.last_used_at}
            for row in sorted(integration.references.all(), key=lambda row: (row.slot, row.name))
        ],
        "warnings": [
            {
                "code": warning.code,
                "detail": warning.detail,
                "secret": warning.secret,
                "environment": warning.environment,
            }
            for warning in warnings
        ],
        "state": fares.state,
        "failing_in": fares.failing_in,
    }


def fetched_out(actor: Actor, integration_id: UUID) -> dict[str, Any]:
    """Return one integration as the API represents it, with references and warnings.

    Raises:
        NotFound: there is no such integration, or the actor may not see it.
    """
    integration = overview.with_secrets(Integration.objects.all()).fetch(actor, integration_id)
    return integration_out(integration, *matrix.warnings_of([integration]))


def operations_out(integration: Integration) -> list[dict[str, Any]]:
    """Return the operations of an integration as the API represents them."""
    kind = KINDS[integration.kind]
    return [
        {
            "name": operation.name,
            "description": operation.description,
            "parameters": operation.parameters,
            "read_only": operation.read_only,
        }
        for operation in kind.operations(kind.parse_config(integration.config))
    ]
