"""`/api/v1/integrations/{id}/tools`: listing the tools that an integration offers, and approving them."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from accounts.access.route_permissions import key_requires
from accounts.api.authentication import AsyncApiKeyAuth, actor_of
from accounts.api.schemas import PROBLEMS_OF_ONE, StrictSchema
from accounts.common.environments import Environment
from accounts.policy import Permission
from integrations.api.integrations import PROBLEMS_OF_RUN
from integrations.api.schemas import CheckIn
from integrations.models import RemoteTool
from integrations.tools import approvals
from integrations.tools.listing import ListedTool, list_tools

router = Router()


class ToolIn(StrictSchema):
    """A tool as shown in the list."""

    name: str
    fingerprint: str


class ToolsIn(StrictSchema):
    """Tools as shown in the list."""

    tools: list[ToolIn] = Field(min_length=1, max_length=approvals.MAX_AT_ONCE)


class ToolNameIn(StrictSchema):
    """The name of a tool."""

    name: str


class ToolOut(Schema):
    """A tool. Its texts come from the server and are untrusted. `state` compares it with what was approved."""

    name: str
    title: str
    description: str
    definition: dict[str, Any] = Field(description="The content that the fingerprint covers, as sent by the server.")
    fingerprint: str
    state: Literal["new", "approved", "changed"]
    approved_at: datetime | None
    approved_by: str | None


class ToolsOut(Schema):
    """The list of tools; `problem` says why there is none. `gone` are approved tools that are no longer offered."""

    run_id: UUID
    environment: Environment
    problem: str
    items: list[ToolOut]
    gone: list[str]


class ApprovalOut(Schema):
    """The approval of a tool."""

    name: str
    fingerprint: str
    approved_at: datetime
    approved_by: str


class ApprovalsOut(Schema):
    """The approvals, in the order of the request."""

    items: list[ApprovalOut]


@router.post(
    "/{uuid:integration_id}/tools",
    auth=AsyncApiKeyAuth(),
    response={200: ToolsOut, **PROBLEMS_OF_RUN},
    summary="List the tools",
)
@key_requires(Permission.INTEGRATIONS_RUN)
async def list_offered_tools(request: HttpRequest, integration_id: UUID, payload: CheckIn) -> dict[str, Any]:
    """Lists the tools with the values of one environment, and compares them with the approved ones."""
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
def approve_tool(request: HttpRequest, integration_id: UUID, payload: ToolIn) -> Any:
    """Approves the tool with the fingerprint that a list showed last; a later change is shown as `changed`."""
    tool = approvals.approve_tool(
        actor=actor_of(request), integration_id=integration_id, name=payload.name, fingerprint=payload.fingerprint
    )
    return _approval_out(tool)


@router.post(
    "/{uuid:integration_id}/tools/approve-all", response={200: ApprovalsOut, **PROBLEMS_OF_ONE}, summary="Approve tools"
)
@key_requires(Permission.INTEGRATIONS_WRITE)
def approve_tools(request: HttpRequest, integration_id: UUID, payload: ToolsIn) -> Any:
    """Approves several tools, each with its fingerprint; all of them or none."""
    wanted = [(tool.name, tool.fingerprint) for tool in payload.tools]
    tools = approvals.approve_tools(actor=actor_of(request), integration_id=integration_id, tools=wanted)
    return {"items": [_approval_out(tool) for tool in tools]}


@router.post(
    "/{uuid:integration_id}/tools/withdraw", response={204: None, **PROBLEMS_OF_ONE}, summary="Withdraw an approval"
)
@key_requires(Permission.INTEGRATIONS_WRITE)
def withdraw_approval(request: HttpRequest, integration_id: UUID, payload: ToolNameIn) -> Any:
    """The state of the tool becomes `new` again."""
    approvals.withdraw_tool(actor=actor_of(request), integration_id=integration_id, name=payload.name)
    return Status(204, None)


def _tool_out(listed: ListedTool) -> dict[str, Any]:
    tool, approval = listed.tool, listed.kept if listed.kept and listed.kept.approved_fingerprint else None
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


def _approval_out(tool: RemoteTool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "fingerprint": tool.approved_fingerprint,
        "approved_at": tool.approved_at,
        "approved_by": tool.approved_by,
    }
