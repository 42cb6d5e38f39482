"""Schemas of integrations and runs in the HTTP API."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field, StrictBool

from accounts.api.schemas import Payload, StrictSchema
from accounts.common.environments import Environment, in_order
from integrations.kinds import KINDS
from integrations.models import Integration, Run
from integrations.readiness.warnings import Warning  # noqa: A004 - the API's word

RAW = "Accept texts that look like a credential; otherwise they are refused with the code `raw_credential`."
TOOL_NAME = (
    "The name of its tool for agents; for an integration with several operations the start of their names. By default "
    "made of the name, which it does not follow later: agents that know the old name lose the tool when it changes."
)
ONLY_APPROVED = "Whether agents get only those tools of an MCP server that a person approved. Other kinds ignore it."


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


class IntegrationPatch(Payload):
    """`PATCH /integrations/{id}`. Omitted fields are not changed; `config` is replaced as a whole."""

    name: str | None = None
    description: str | None = None
    tool_name: str | None = Field(default=None, description=TOOL_NAME)
    only_approved_tools: StrictBool | None = Field(default=None, description=ONLY_APPROVED)
    enabled: StrictBool | None = None
    environments: list[Environment] | None = None
    config: dict[str, Any] | None = None
    accept_raw_credentials: StrictBool = Field(default=False, description=RAW)


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
    environments: list[Environment]
    config: dict[str, Any]
    references: list[OwnReferenceOut]
    warnings: list[WarningOut]
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
    """All operations of an integration."""

    items: list[OperationOut]


class RunIn(StrictSchema):
    """`POST /integrations/{id}/run`."""

    environment: Environment
    operation: str | None = None
    params: dict[str, Any] = {}


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


class SecretOfRunOut(Schema):
    """A secret that a run used, with its name and version at that time."""

    id: UUID
    name: str
    version: int


class IntegrationOfRunOut(Schema):
    """The integration of a run, with its name at that time."""

    id: UUID
    name: str
    kind: str


class RunOut(Schema):
    """The record of a run."""

    id: UUID
    integration: IntegrationOfRunOut
    operation: str
    note: str = Field(description="Further information about the run: for `sign`, what was signed. Never a value.")
    environment: Environment
    caller: str
    outcome: Literal["started", "succeeded", "upstream_error", "refused", "failed"]
    code: str | None = Field(description="The error code of a refused or failed run.")
    host: str
    status: int | None
    duration_ms: int | None
    secrets: list[SecretOfRunOut]
    started_at: datetime


class RunsOut(Schema):
    """A page of runs, newest first."""

    items: list[RunOut]
    next_cursor: str | None


def integration_out(integration: Integration, warnings: Iterable[Warning]) -> dict[str, Any]:
    """Return an integration as the API represents it.

    Args:
        integration: with its references loaded.
        warnings: what would refuse its runs.
    """
    return {
        "id": integration.id,
        "kind": integration.kind,
        "name": integration.name,
        "description": integration.description,
        "tool_name": integration.tool_name,
        "only_approved_tools": integration.only_approved_tools,
        "enabled": integration.enabled,
        "environments": in_order(integration.environments),
        "config": integration.config,
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
        "created_at": integration.created_at,
        "updated_at": integration.updated_at,
        "version": integration.version,
    }


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


def run_out(run: Run) -> dict[str, Any]:
    """Return a run, with its secrets loaded, as the API represents it."""
    return {
        "id": run.id,
        "integration": {"id": run.integration_id, "name": run.integration_name, "kind": run.kind},
        "operation": run.operation,
        "note": run.note,
        "environment": run.environment,
        "caller": run.caller,
        "outcome": run.outcome,
        "code": run.error_code or None,
        "host": run.host,
        "status": run.status,
        "duration_ms": run.duration_ms,
        "secrets": [
            {"id": used.secret_id, "name": used.name, "version": used.version}
            for used in sorted(run.secrets.all(), key=lambda used: used.name)
        ],
        "started_at": run.started_at,
    }
