"""The tools of an agent (docs/api.md, "Agents"): one for each operation that its API key may run, under a stored name.

A tool consists of names and schemas that people of the organization wrote, or of a definition of an MCP server that
they approved; it contains nothing about secrets. Looking up a tool costs one query, and a page of the list costs the
same number of queries, however many integrations there are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet

from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.common.paging import LARGEST_LIMIT, Page, decode_cursor, encode_cursor
from accounts.common.sql.compiled import Among, CompiledQuery
from accounts.errors import Invalid, NotFound, PermissionDenied
from integrations.inheritance import operations_of, with_parents
from integrations.kinds import KINDS
from integrations.models import AgentTool, Integration
from integrations.readiness import overview
from integrations.readiness.warnings import Finder, judge
from integrations.rules.shape import Decision
from integrations.rules.stored import rules_of
from integrations.tools.answers import Limits

ANY_ARGUMENTS = {"type": "object"}
"""The schema of a tool whose server declares none that could be used."""

_BY_NAME: CompiledQuery[AgentTool] = CompiledQuery(
    lambda: AgentTool.objects.select_related("integration", "remote").filter(Among("organization", "name"))
)

NO_SUCH_TOOL = "There is no such tool. List the tools again."


@dataclass(frozen=True, slots=True)
class Hints:
    """What a client may assume about a call of a tool (MCP, "ToolAnnotations")."""

    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool


@dataclass(frozen=True, slots=True)
class ToolOffer:
    """A tool as an agent sees it.

    Attributes:
        remote_name: its name at the MCP server that has it; empty for an operation of Coffer's own.
        problem: why a call is refused now, and what a person must do; empty if it is ready or if that is not known.
        may_ask: whether a person may have to approve calls; known in lists alone.
    """

    name: str
    title: str
    description: str
    parameters: Mapping[str, Any] = field(hash=False)
    output_schema: Mapping[str, Any] | None = field(hash=False)
    hints: Hints
    icons: list[Mapping[str, Any]] = field(hash=False)
    integration_id: UUID
    operation: str
    remote_name: str
    limits: Limits
    problem: str = ""
    may_ask: bool = False


def environment_of(actor: Actor) -> Environment:
    """Return the environment in which an agent's calls are made.

    Raises:
        PermissionDenied: the key has several environments; an agent must not choose between Staging and Production.
    """
    if len(actor.environments) != 1:
        raise PermissionDenied("An API key for /mcp must have exactly one environment. Create one for this agent.")
    (environment,) = actor.environments
    return environment


def find_tools(wanted: Sequence[tuple[Actor, str]]) -> list[ToolOffer | NotFound]:
    """Return the tools of these names that the actors may see, with one query, whether calls are refused now or not.

    The call says why. For a name that no tool has, or none that the actor may see, there is a `NotFound`.
    """
    rows = _BY_NAME.ask({(actor.organization.pk, name) for actor, name in wanted})
    tools = {(row.organization_id, row.name): row for row in rows}
    return [_found(actor, tools.get((actor.organization.pk, name))) for actor, name in wanted]


def _found(actor: Actor, tool: AgentTool | None) -> ToolOffer | NotFound:
    offer = describe(tool) if tool and actor.sees(tool.integration_id) else None
    return offer or NotFound(NO_SUCH_TOOL)


def describe(tool: AgentTool) -> ToolOffer | None:
    """Return a tool, with its integration, as an agent sees it; None if agents do not get it."""
    return _offer(tool, tool.integration)


def page_of_tools(
    actor: Actor, environment: Environment, cursor: str = "", limit: int = LARGEST_LIMIT
) -> Page[ToolOffer]:
    """Return the next tools by name. Integrations that are disabled, or do not run in the environment, are left out.

    Raises:
        Invalid: the cursor does not belong to this list.
    """
    rows = _listed(actor, environment).select_related("remote").order_by("name")
    if cursor:
        rows = rows.filter(name__gt=decode_cursor(cursor, length=1)[0])
    found = list(rows[: limit + 1])
    shown = found[:limit]
    integrations = _integrations(shown)
    offers = (_offer(tool, *integrations[tool.integration_id], environment) for tool in shown)
    return Page([offer for offer in offers if offer], encode_cursor([shown[-1].name]) if len(found) > limit else None)


def _tools(actor: Actor) -> QuerySet[AgentTool]:
    """Return the tools of the integrations that the actor may see."""
    mine = AgentTool.objects.filter(organization=actor.organization)
    return mine if actor.integrations is None else mine.filter(integration__in=actor.integrations)


def _listed(actor: Actor, environment: Environment) -> QuerySet[AgentTool]:
    """Return the tools that a list shows. A server's own `list_tools` and `call_tool` are for those that see all."""
    is_approved = Q(remote__approved_fingerprint=F("remote__shown_fingerprint")) & ~Q(remote__approved_fingerprint="")
    may_see_all = Q(integration__only_approved_tools=False)
    calls_tools = Q(integration__kind__in=[key for key, kind in KINDS.items() if kind.tools_operation])
    own, remote = Q(remote=None), Q(remote__isnull=False, remote__gone_at=None)
    rows = _tools(actor).filter(integration__enabled=True, integration__environments__has=environment)
    return rows.filter((own & (~calls_tools | may_see_all)) | (remote & (is_approved | may_see_all)))


def _integrations(tools: Iterable[AgentTool]) -> dict[UUID, tuple[Integration, Finder]]:
    """Return the integrations of tools, with what looks up their secrets, by id."""
    ids = {tool.integration_id for tool in tools}
    loaded = list(overview.with_secrets(Integration.objects.filter(pk__in=ids)))
    return {row.pk: (row, find) for row, find in zip(loaded, overview.finders(loaded), strict=True)}


def _offer(
    tool: AgentTool, integration: Integration, find: Finder | None = None, environment: Environment | None = None
) -> ToolOffer | None:
    """Return the tool as an agent sees it; None if its operation, or its right to be seen, is gone."""
    shown = _remote(tool, integration) if tool.remote else _own(tool, integration)
    if shown is None:
        return None
    is_listed = find is not None and environment is not None
    problem = _problem(integration, find, environment) if find and environment else ""
    return ToolOffer(
        name=tool.name,
        integration_id=integration.pk,
        operation=tool.operation,
        remote_name=tool.remote.name if tool.remote else "",
        limits=Limits(tool.answer_fields, tool.max_items, tool.max_characters),
        problem=problem,
        may_ask=is_listed and _may_ask(tool, integration, shown["hints"]),
        **shown,
    )


def _may_ask(tool: AgentTool, integration: Integration, hints: Hints) -> bool:
    """Return whether a rule, or the organization where no rule is about the tool, asks before calls of it."""
    named = {None, tool.operation, f"{tool.operation}:{tool.remote.name}" if tool.remote else None}
    own, *others = (rules_of(link) for link in with_parents(integration))
    about = [*filter(lambda rule: rule.operation in named, own)]
    about += filter(lambda rule: rule.operation is None, chain.from_iterable(others))
    if not about:
        return integration.organization.asks_unless_read_only and not hints.read_only
    return any(rule.decision is Decision.ASK for rule in about)


def _own(tool: AgentTool, integration: Integration) -> dict[str, Any] | None:
    """Return what an agent sees of an operation; None if the integration no longer has it."""
    kind = KINDS[integration.kind]
    try:
        operation = operations_of(integration).get(tool.operation)
    except Invalid:  # a stored configuration, which must not hide the other tools
        return None
    if operation is None or (kind.tools_operation and integration.only_approved_tools):
        return None
    said = [integration.description] if kind.has_one_operation else [operation.description, integration.description]
    return {
        "title": integration.name if kind.has_one_operation else f"{integration.name}: {operation.description}",
        "description": _sentences(said) or _sentences([integration.name]),
        "parameters": operation.parameters,
        "output_schema": None,
        "icons": [],
        "hints": Hints(
            _or(tool.read_only, operation.read_only),
            _or(tool.destructive, operation.destructive),
            _or(tool.idempotent, operation.idempotent or operation.read_only),
            _or(tool.open_world, operation.calls),
        ),
    }


def _remote(tool: AgentTool, integration: Integration) -> dict[str, Any] | None:
    """Return what an agent sees of a tool of an MCP server, as approved, else as shown last."""
    remote: Any = tool.remote
    definition = remote.approved_definition if integration.only_approved_tools else remote.shown_definition
    definition = definition or {}
    told = _dictionary(definition.get("annotations"))
    return {
        "title": f"{integration.name}: {_text(definition.get('title')) or remote.name}",
        "description": _text(definition.get("description")),
        "parameters": _schema(definition.get("inputSchema")) or ANY_ARGUMENTS,
        "output_schema": None if tool.answer_fields else _schema(definition.get("outputSchema")),
        "icons": definition.get("icons", []),
        "hints": Hints(
            _or(tool.read_only, told.get("readOnlyHint") is True),
            _or(tool.destructive, told.get("destructiveHint") is not False),
            _or(tool.idempotent, told.get("idempotentHint") is True),
            _or(tool.open_world, told.get("openWorldHint") is not False),
        ),
    }


def _problem(integration: Integration, find: Finder, environment: Environment) -> str:
    certain = (warning.detail for warning in judge(integration, [environment], find) if warning.certain)
    return next(certain, "")


def _or(chosen: bool | None, proposed: bool) -> bool:
    return proposed if chosen is None else chosen


def _sentences(texts: Iterable[str]) -> str:
    return " ".join(f"{text.rstrip('.')}." for text in texts if text.rstrip("."))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _dictionary(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _schema(value: object) -> Mapping[str, Any] | None:
    """Return the schema of an object, or None: clients refuse any other."""
    return value if isinstance(value, dict) and value.get("type") == "object" else None
