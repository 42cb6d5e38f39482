"""`/api/v1/integrations/{id}/tools`: what the other side offers, and approving it."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from accounts.access.route_permissions import key_requires
from accounts.api.authentication import AsyncApiKeyAuth, actor_of
from accounts.api.schemas import PROBLEMS_OF_ONE, Strict
from accounts.common.environments import Environment
from accounts.policy import Permission
from integrations.api.integrations import PROBLEMS_OF_RUN
from integrations.api.schemas import CheckIn
from integrations.tools import approvals
from integrations.tools.listing import ListedTool, list_tools

router = Router()


class ToolIn(Strict):
    """A tool as the list showed it."""

    name: str
    fingerprint: str


class ToolNameIn(Strict):
    """A tool by its name."""

    name: str


class ToolOut(Schema):
    """One tool. Its texts are written by the other side: untrusted data. `state` compares it with what was approved."""

    name: str
    title: str
    description: str
    definition: dict[str, Any] = Field(
        description="Everything that the fingerprint is over, as the other side gives it."
    )
    fingerprint: str
    state: Literal["new", "approved", "changed"]
    approved_at: datetime | None
    approved_by: str | None


class ToolsOut(Schema):
    """The list; `problem` says why there is none. `gone` names approved tools that are not offered any more."""

    run_id: UUID
    environment: Environment
    problem: str
    items: list[ToolOut]
    gone: list[str]


class ApprovalOut(Schema):
    """An approval."""

    name: str
    fingerprint: str
    approved_at: datetime
    approved_by: str


@router.post(
    "/{uuid:integration_id}/tools",
    auth=AsyncApiKeyAuth(),
    response={200: ToolsOut, **PROBLEMS_OF_RUN},
    summary="The tools that it offers",
)
@key_requires(Permission.INTEGRATIONS_RUN)
async def tools(request: HttpRequest, integration_id: UUID, payload: CheckIn) -> dict[str, Any]:
    """Asks the other side, with the values of one environment, and tells what changed since it was approved."""
    listing = await list_tools(actor_of(request), integration_id, payload.environment)
    return {
        "run_id": listing.run_id,
        "environment": listing.environment,
        "problem": listing.problem,
        "items": [_tool_out(listed) for listed in listing.tools],
        "gone": [approval.name for approval in listing.gone],
    }


@router.post(
    "/{uuid:integration_id}/tools/approve", response={200: ApprovalOut, **PROBLEMS_OF_ONE}, summary="Approve a tool"
)
@key_requires(Permission.INTEGRATIONS_WRITE)
def approve(request: HttpRequest, integration_id: UUID, payload: ToolIn) -> Any:
    """As it was when the list showed this fingerprint; a later change shows as `changed`."""
    return approvals.approve_tool(
        actor=actor_of(request), integration_id=integration_id, name=payload.name, fingerprint=payload.fingerprint
    )


@router.post(
    "/{uuid:integration_id}/tools/withdraw", response={204: None, **PROBLEMS_OF_ONE}, summary="Withdraw an approval"
)
@key_requires(Permission.INTEGRATIONS_WRITE)
def withdraw(request: HttpRequest, integration_id: UUID, payload: ToolNameIn) -> Any:
    """Its state is `new` again."""
    approvals.withdraw_tool(actor=actor_of(request), integration_id=integration_id, name=payload.name)
    return Status(204, None)


def _tool_out(listed: ListedTool) -> dict[str, Any]:
    tool, approval = listed.tool, listed.approval
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "definition": tool.definition,
        "fingerprint": tool.fingerprint,
        "state": listed.state,
        "approved_at": approval.approved_at if approval else None,
        "approved_by": approval.approved_by if approval else None,
    }
