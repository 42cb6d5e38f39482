"""The answers of the API as dictionaries with known keys (docs/api.md). None holds a value."""

from typing import Any, Literal, TypedDict

Environment = Literal["development", "staging", "production"]


class EnvironmentState(TypedDict):
    """The state of a secret in one environment."""

    state: Literal["set", "missing", "unreadable"]
    version: int | None
    updated_at: str | None
    updated_by: str | None
    staged_at: str | None
    rollback_until: str | None


class Secret(TypedDict):
    """A secret; one with `id` None is a name that is referenced and does not exist."""

    id: str | None
    name: str
    reference: str
    description: str
    enabled: bool
    status: Literal["active", "disabled", "missing"]
    environments: dict[Environment, EnvironmentState]
    allowed_domains: list[str]
    is_identifier: bool
    required_in: list[Environment]
    usage_count: int
    integration_count: int
    last_used_at: str | None
    rotate_every_days: int | None
    rotation_due_at: str | None
    expires_on: str | None
    version: int | None


class Integration(TypedDict):
    """An integration."""

    id: str
    kind: str
    name: str
    description: str
    tool_name: str
    enabled: bool
    environments: list[Environment]
    config: dict[str, Any]
    references: list[dict[str, Any]]
    warnings: list[dict[str, Any]]
    state: Literal["ready", "working", "failing", "paused"]
    failing_in: list[Environment]
    version: int


class Operation(TypedDict):
    """An operation of an integration, with its parameters as JSON Schema."""

    name: str
    description: str
    parameters: dict[str, Any]
    read_only: bool


class RunResult(TypedDict):
    """The masked answer of a run that reached the upstream."""

    run_id: str
    outcome: Literal["succeeded", "upstream_error"]
    status: int | None
    headers: list[dict[str, str]]
    body: Any
    body_type: Literal["json", "text", "base64", "withheld"]
    media_type: str | None
    masked: list[str]
    withheld: dict[str, str] | None
    duration_ms: int


class StreamHead(TypedDict):
    """The head of an answer that is taken while it arrives, masked."""

    run_id: str
    status: int
    headers: list[dict[str, str]]
    media_type: str | None


class StreamEnd(TypedDict):
    """How a run ended whose answer was taken while it arrived."""

    outcome: Literal["succeeded", "upstream_error"]
    masked: list[str]
    duration_ms: int


class HeldCall(TypedDict):
    """A call that has to be approved. What it would send is shown to people who decide."""

    id: str
    state: Literal["waiting", "approved", "denied", "expired", "used"]
    integration: dict[str, str]
    operation: str
    environment: Environment
    caller: str
    reason: str
    when: Literal["retry", "approved"]
    asked: str
    page: str
    created_at: str
    expires_at: str
    decided_by: str | None
    decided_at: str | None
    note: str
    use_before: str | None
    run_id: str | None
    code: str | None


class StepOfCheck(TypedDict):
    """A step of the harmless check."""

    name: str
    outcome: Literal["passed", "failed", "not_checkable"]
    code: str | None
    detail: str


class Check(TypedDict):
    """The result of the harmless check."""

    ok: bool
    steps: list[StepOfCheck]


class StagedResult(TypedDict):
    """What a staged value did at one reference."""

    reference: dict[str, Any]
    outcome: Literal["passed", "failed", "not_checkable", "missing"]
    code: str | None
    detail: str


class StagedResults(TypedDict):
    """What a staged value did at every reference."""

    results: list[StagedResult]


class Run(TypedDict):
    """The record of a run."""

    id: str
    integration: dict[str, str]
    operation: str
    environment: Environment
    caller: str
    outcome: Literal["started", "succeeded", "upstream_error", "refused", "failed"]
    code: str | None
    host: str
    status: int | None
    duration_ms: int | None
    secrets: list[dict[str, Any]]
    started_at: str


class RunDetails(Run):
    """The record of a run with its steps."""

    address: str
    answer_bytes: int | None
    sent_bytes: int | None
    first_byte_ms: int | None
    request_id: str
    steps: list[dict[str, Any]]


class AuditEvent(TypedDict):
    """An act that was carried out, or an attempt that was refused."""

    id: str
    sequence: int
    event: str
    outcome: str
    actor: dict[str, Any]
    target: dict[str, Any]
    environment: Environment | None
    data: dict[str, Any]
    created_at: str


class Readiness(TypedDict):
    """Whether a run of an integration in one environment would find what it needs."""

    integration: dict[str, str]
    environment: Environment | None
    ready: bool
    problems: list[dict[str, Any]]


class Key(TypedDict):
    """What an API key may do, and in which organization."""

    id: str
    name: str
    organization: dict[str, str]
    scopes: list[str]
    environments: list[Environment]
    expires_at: str | None


class StartedSession(TypedDict):
    """A session of an API key, with its token, which is shown once."""

    id: str
    name: str
    token: str
    scopes: list[str]
    environments: list[Environment]
    expires_at: str


class PlannedChange(TypedDict):
    """A secret, integration or webhook that is created, changed or deleted; each field before and after."""

    action: Literal["create", "change", "delete"]
    type: Literal["secret", "integration", "webhook"]
    name: str
    fields: dict[str, list[Any]]


class Plan(TypedDict):
    """What an apply of a configuration file would do, or did.

    `missing` has the secrets that lack a value where the file requires one.
    """

    plan: str
    changes: list[PlannedChange]
    missing: list[dict[str, Any]]
