"""Listing the tools that an integration offers now: what was shown is stored, and compared with what was approved."""

from dataclasses import dataclass, field
from uuid import UUID

from accounts.actors import Actor
from accounts.common.database import in_database
from accounts.common.environments import Environment
from accounts.errors import NotFound
from integrations.broker import broker
from integrations.broker.masking import Answer, BodyType
from integrations.broker.preparation import Call
from integrations.exchange.offered_tools import OfferedTool, read_tools
from integrations.kinds import KINDS
from integrations.models import Integration, RemoteTool, RunOutcome
from integrations.tool_models import ToolState
from integrations.tools.shown_tools import store_listing

WITHHELD = "The list is withheld: it could not be checked for secrets."
UNREADABLE = "The list contains something that cannot be shown."
NOT_LISTED = "The server did not list its tools."


@dataclass(frozen=True, slots=True)
class ListedTool:
    """A tool as it was listed, and what is kept of it; None if its name cannot be shown."""

    tool: OfferedTool
    kept: RemoteTool | None

    @property
    def state(self) -> ToolState:
        """New, approved, or changed since it was approved."""
        return self.kept.state if self.kept else ToolState.NEW


@dataclass(frozen=True, slots=True)
class Listing:
    """The result of listing tools.

    Attributes:
        problem: why there is no list; empty if there is one.
        gone: approved tools that are no longer offered.
    """

    run_id: UUID
    environment: Environment
    duration_ms: int
    problem: str = ""
    tools: list[ListedTool] = field(default_factory=list)
    gone: list[RemoteTool] = field(default_factory=list)

    @property
    def unnamed(self) -> int:
        """How many tools are not kept, because their names cannot be shown."""
        return sum(listed.kept is None for listed in self.tools)


async def list_tools(actor: Actor, integration_id: UUID, environment: Environment) -> Listing:
    """List the tools with the values of one environment. The request is recorded as a run.

    Raises:
        NotFound: as for a run, or the integration offers no tools.
        Refusal: as for a run.
    """
    operation = await in_database(_operation, actor, integration_id)
    result = await broker.run(actor, Call(integration_id, environment, operation))
    problem = _problem(result)
    if problem:
        return Listing(result.run_id, environment, result.duration_ms, problem)
    offered = read_tools(result.answer.body)
    kept = {tool.name: tool for tool in await in_database(store_listing, actor, integration_id, environment, offered)}
    gone = [tool for tool in kept.values() if tool.gone_at and tool.approved_fingerprint]
    listed = [ListedTool(tool, kept.get(tool.name)) for tool in offered]
    return Listing(result.run_id, environment, result.duration_ms, "", listed, gone)


def _operation(actor: Actor, integration_id: UUID) -> str:
    operation = KINDS[Integration.objects.fetch(actor, integration_id).kind].tools_operation
    if not operation:
        raise NotFound("This integration offers no tools.")
    return operation


def _problem(result: broker.RunResult) -> str:
    if result.answer.body_type is BodyType.WITHHELD:
        return WITHHELD
    if result.answer.body_type is not BodyType.JSON:
        return UNREADABLE
    return "" if result.outcome is RunOutcome.SUCCEEDED else _error_message(result.answer)


def _error_message(answer: Answer) -> str:
    """Return the error message of a response."""
    error = answer.body.get("error") if isinstance(answer.body, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) and message else NOT_LISTED
