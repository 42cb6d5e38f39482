"""`/api/v1/integrations/{id}/agent-tools`: what agents see of an integration, and what people set about it."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field, StrictBool, StrictInt

from accounts.access.route_permissions import key_requires
from accounts.api.authentication import actor_of
from accounts.api.schemas import PROBLEMS_OF_ONE, Limit, StrictSchema
from accounts.common.paging import DEFAULT_LIMIT
from accounts.policy import Permission
from integrations.models import AgentTool
from integrations.tools import settings
from integrations.tools.agent_tools import describe

router = Router()

PROPOSED = "Null is as proposed: from the method of the request, from the kind, or as the MCP server says."


class HintsOut(Schema):
    """What a client may assume about a call."""

    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool


class AgentToolOut(Schema):
    """A tool of agents. `title`, `description` and `hints` are as agents get them; null if they do not get it."""

    id: UUID
    name: str
    operation: str
    remote_name: str | None = Field(description="The name at the MCP server that has the tool.")
    title: str | None
    description: str | None
    hints: HintsOut | None
    read_only: bool | None = Field(description=PROPOSED)
    destructive: bool | None
    idempotent: bool | None
    open_world: bool | None
    answer_fields: str
    max_items: int | None
    max_characters: int


class AgentToolsOut(Schema):
    """A page of the tools of an integration, by name."""

    items: list[AgentToolOut]
    next_cursor: str | None


class AgentToolPatch(StrictSchema):
    """What to change; omitted fields are not changed."""

    read_only: StrictBool | None = Field(default=None, description=PROPOSED)
    destructive: StrictBool | None = None
    idempotent: StrictBool | None = None
    open_world: StrictBool | None = None
    answer_fields: str = Field(default="", description="A JMESPath expression that makes the answer; empty for all.")
    max_items: StrictInt | None = Field(default=None, description="Of each list of the answer; null for all.")
    max_characters: StrictInt = Field(default=50_000, description="Of the whole answer.")


@router.get(
    "/{uuid:integration_id}/agent-tools",
    response={200: AgentToolsOut, **PROBLEMS_OF_ONE},
    summary="List the tools that agents get",
)
@key_requires(Permission.INTEGRATIONS_READ)
def list_agent_tools(
    request: HttpRequest, integration_id: UUID, limit: Limit = DEFAULT_LIMIT, cursor: str = ""
) -> dict[str, Any]:
    """Each tool with its name, its hints and the limits of its answers."""
    page = settings.page_of(actor_of(request), integration_id, cursor=cursor, limit=limit)
    return {"items": [_tool_out(tool) for tool in page.items], "next_cursor": page.next_cursor}


@router.patch(
    "/{uuid:integration_id}/agent-tools/{uuid:tool_id}",
    response={200: AgentToolOut, **PROBLEMS_OF_ONE},
    summary="Change how agents get a tool",
)
@key_requires(Permission.INTEGRATIONS_WRITE)
def change_agent_tool(
    request: HttpRequest, integration_id: UUID, tool_id: UUID, payload: AgentToolPatch
) -> dict[str, Any]:
    """Hints tell clients what they may assume; limits say what of an answer agents get. The API gives the whole."""
    tool = settings.change_tool(
        actor=actor_of(request),
        integration_id=integration_id,
        tool_id=tool_id,
        changes=payload.model_dump(exclude_unset=True),
    )
    return _tool_out(tool)


def _tool_out(tool: AgentTool) -> dict[str, Any]:
    offer = describe(tool)
    return {
        "id": tool.id,
        "name": tool.name,
        "operation": tool.operation,
        "remote_name": tool.remote.name if tool.remote else None,
        "title": offer.title if offer else None,
        "description": offer.description if offer else None,
        "hints": offer.hints if offer else None,
        **{name: getattr(tool, name) for name in (*settings.HINTS, *settings.ANSWERS)},
    }
