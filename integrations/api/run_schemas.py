"""Schemas of runs and of their record in the HTTP API."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import AfterValidator, Field

from accounts.api.schemas import StrictSchema
from accounts.common.environments import Environment
from accounts.common.texts import problem_with_text
from integrations.approval_models import REASON_LENGTH
from integrations.broker.ledger import STEPS
from integrations.models import Run, WhenApproved


def _storable(text: str) -> str:
    if problem := problem_with_text(text, REASON_LENGTH):
        raise ValueError(problem)
    return text


Reason = Annotated[str, Field(max_length=REASON_LENGTH), AfterValidator(_storable)]


class RunIn(StrictSchema):
    """`POST /integrations/{id}/run`."""

    environment: Environment
    operation: str | None = None
    params: dict[str, Any] = Field(default_factory=dict, json_schema_extra={"default": {}})
    reason: Reason = Field("", description="Why the call is made, for the person who may have to approve it.")
    when: WhenApproved = Field(
        WhenApproved.RETRY,
        description="Who makes the call once a person has approved it: you, with the same call again (`retry`), or "
        "Coffer at once (`approved`), whose answer is not kept.",
    )
    approval: UUID | None = Field(None, description="The approval that this call uses; found by the call if left out.")
    stream: bool = Field(
        False,
        strict=True,
        description="Whether the answer is wanted while it arrives, as `text/event-stream`: an event `answer`, events "
        "`piece`, and at the end an event `end`, or `error` with a problem document.",
    )


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


class StepOfRunOut(Schema):
    """A step of a run, and how long it took. A run that calls several times has the sums."""

    name: Literal["admitted", "opened", "judged", "sent", "answered", "masked", "recorded"]
    duration_ms: float


class RunDetailsOut(RunOut):
    """The record of a run with its steps."""

    caller_kind: Literal["user", "api_key", "staff", "command"]
    caller_id: UUID | None = Field(description="The person, the API key or the session that called.")
    principal_id: UUID | None = Field(description="The person, or the API key; of a session, the key behind it.")
    address: str = Field(description="The address that was judged and connected to; empty if nothing was.")
    answer_bytes: int | None = Field(description="The size of the upstream's answer.")
    sent_bytes: int | None = Field(description="The size of the body that was passed through; null if none was.")
    first_byte_ms: int | None = Field(description="The time to the head of an answer that flowed; null if none did.")
    request_id: str = Field(description="The id of the request that the run came with; empty if there was none.")
    steps: list[StepOfRunOut] = Field(description="In order; empty if they were not measured.")


class RunsOut(Schema):
    """A page of runs, newest first."""

    items: list[RunOut]
    next_cursor: str | None


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


def run_details_out(run: Run) -> dict[str, Any]:
    """Return a run, with its secrets loaded, and its steps as the API represents them."""
    return run_out(run) | {
        "caller_kind": run.caller_kind,
        "caller_id": run.caller_id,
        "principal_id": run.principal_id,
        "address": run.address,
        "answer_bytes": run.answer_bytes,
        "sent_bytes": run.sent_bytes,
        "first_byte_ms": run.first_byte_ms,
        "request_id": run.request_id,
        "steps": [{"name": name, "duration_ms": run.steps[name]} for name in STEPS if name in run.steps],
    }
