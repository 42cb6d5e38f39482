"""The tools that an integration offers now, compared with its approvals."""

from collections.abc import Iterable
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

NEW, APPROVED, CHANGED = "new", "approved", "changed"

WITHHELD = "The list is withheld: it could not be checked for secrets."
UNREADABLE = "The list contains something that cannot be shown."
NOT_LISTED = "The server did not list its tools."


@dataclass(frozen=True, slots=True)
class ListedTool:
    """A tool and its state: `new`, `approved`, or `changed` since it was approved."""

    tool: OfferedTool
    state: str
    approval: RemoteTool | None


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
    def changed(self) -> int:
        """How many tools have changed since they were approved."""
        return sum(listed.state == CHANGED for listed in self.tools)


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
    approved = await in_database(approved_tools, integration_id)
    return _compared(result, environment, read_tools(result.answer.body), approved)


def approved_tools(integration_id: UUID) -> list[RemoteTool]:
    """Return the approved tools, by name."""
    return list(RemoteTool.objects.filter(integration=integration_id).exclude(approved_fingerprint="").order_by("name"))


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


def _compared(
    result: broker.RunResult, environment: Environment, tools: Iterable[OfferedTool], approved: list[RemoteTool]
) -> Listing:
    by_name = {approval.name: approval for approval in approved}
    listed = [_listed(tool, by_name.pop(tool.name, None)) for tool in tools]
    return Listing(result.run_id, environment, result.duration_ms, "", listed, list(by_name.values()))


def _listed(tool: OfferedTool, approval: RemoteTool | None) -> ListedTool:
    if approval is None:
        return ListedTool(tool, NEW, None)
    return ListedTool(tool, APPROVED if approval.approved_fingerprint == tool.fingerprint else CHANGED, approval)
