"""Schemas of approvals in the HTTP API."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.utils import timezone
from ninja import Schema
from pydantic import Field

from accounts.common.environments import Environment
from integrations.api.run_schemas import IntegrationOfRunOut
from integrations.holding.told import as_json
from integrations.models import Approval, Run, WhenApproved


class HeldCallOut(Schema):
    """A call that has to be approved. What it would send is shown to people who decide, on their page alone."""

    id: UUID
    state: Literal["waiting", "approved", "denied", "expired", "used"]
    integration: IntegrationOfRunOut
    operation: str
    environment: Environment
    caller: str
    reason: str
    why: str = Field(description="What asks, as a sentence.")
    when: WhenApproved
    asked: str = Field(description="Who decides, in words.")
    page: str = Field(description="Where people decide.")
    created_at: datetime
    expires_at: datetime = Field(description="Without a decision by then, the call is refused.")
    decided_by: str | None
    decided_at: datetime | None
    note: str = Field(description="What the person who decided wrote.")
    use_before: datetime | None = Field(description="An approved call has to be made by then.")
    for_a_while: bool = Field(description="Whether any number of calls of the operation may be made until then.")
    calls: int = Field(description="Calls made under it.")
    held_run_id: UUID = Field(description="The run that was held.")
    run_id: UUID | None = Field(description="The last run that was made under it.")
    code: str | None = Field(description="Why the server could not make the call.")


class RunOfHeldCallOut(Schema):
    """How the last run under an approval ended. Its answer is kept nowhere."""

    id: UUID
    outcome: Literal["started", "succeeded", "upstream_error", "refused", "failed"]
    code: str | None
    status: int | None


class HeldCallDetailsOut(HeldCallOut):
    """An approval, with the last run that was made under it."""

    run: RunOfHeldCallOut | None


class HeldCallsOut(Schema):
    """A page of approvals, newest first."""

    items: list[HeldCallOut]
    next_cursor: str | None


def approval_out(approval: Approval) -> dict[str, Any]:
    """Return an approval as the API represents it."""
    return as_json(approval, timezone.now())


def approval_details_out(approval: Approval, run: Run | None) -> dict[str, Any]:
    """Return an approval, with the last run that was made under it, as the API represents it."""
    shown = run and {"id": run.pk, "outcome": run.outcome, "code": run.error_code or None, "status": run.status}
    return approval_out(approval) | {"run": shown}
