"""Tools as a list shows them to an agent."""

from collections.abc import Mapping
from typing import Any

from mcp_types import Icon, Tool, ToolAnnotations
from pydantic import TypeAdapter, ValidationError

from accounts.mail.sending import link
from accounts.models import Organization
from config.agents.guidance import INTEGRATION
from config.agents.reasons import REASON, REASON_SCHEMA, declares_reason
from config.agents.results import ENVELOPE
from integrations.tools.agent_tools import ToolOffer

MAY_ASK = "A person may have to approve a call before it is made."

_ICON: TypeAdapter[Icon] = TypeAdapter(Icon)


def shown(tool: ToolOffer, organization: Organization) -> Tool:
    """Return a tool for the list, with what a person must do while it is not ready."""
    hints = tool.hints
    return Tool(
        name=tool.name,
        title=tool.title,
        description=_description(tool, organization),
        input_schema=_input_schema(tool),
        output_schema=_output_schema(tool),
        icons=[icon for each in tool.icons if (icon := _icon(each))] or None,
        annotations=ToolAnnotations(
            read_only_hint=hints.read_only,
            destructive_hint=hints.destructive,
            idempotent_hint=hints.idempotent,
            open_world_hint=hints.open_world,
        ),
    )


def _description(tool: ToolOffer, organization: Organization) -> str:
    description = f"{tool.description}\n\n{MAY_ASK}".strip() if tool.may_ask else tool.description
    if not tool.problem:
        return description
    page = link(INTEGRATION, organization.slug, tool.integration_id)
    return f"Not ready: {tool.problem} Ask a person to mend it here: {page}\n\n{description}"


def _input_schema(tool: ToolOffer) -> dict[str, Any]:
    """Return the schema of the arguments; where a person may be asked, with one for the reason."""
    schema = dict(tool.parameters)
    if tool.may_ask and not declares_reason(tool):
        schema["properties"] = {**schema.get("properties", {}), REASON: REASON_SCHEMA}
    return schema


def _output_schema(tool: ToolOffer) -> dict[str, Any] | None:
    if not tool.remote_name:
        return ENVELOPE
    return dict(tool.output_schema) if tool.output_schema else None


def _icon(given: Mapping[str, Any]) -> Icon | None:
    """Return an icon that an MCP server gave; None if it is none, or one that has to be fetched from it."""
    try:
        icon = _ICON.validate_python(given, by_name=False)
    except ValidationError:
        return None
    return icon if icon.src.startswith("data:") else None
