"""Naming the tools of agents.

A tool's name is stored when its operation first exists, and changes only when a person renames the integration's tools:
agents, prompts and the rules of other systems know tools by their names. A name that is taken gets a number, whoever
came later.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Any

from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Cast, Concat, Lower

from accounts.errors import FieldError, Invalid
from integrations.broker.remote_tools import note_changed_tools
from integrations.editing.fields import NOT_SAVED
from integrations.kinds import KINDS
from integrations.models import AgentTool, Integration, RemoteTool
from integrations.tool_models import TOOL_NAME_LENGTH

LONGEST_START = 40
"""The longest start of the names of several tools; the rest is the operation's."""

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_NAME = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_NUMBERED = 9
"""How many names are tried before one gets a part of the integration's id."""

TAKEN = "Another tool of this organization has this name. Choose another one."


def check_tool_name(integration: Integration, wanted: str) -> list[FieldError]:
    """Return what is wrong with a name for the tool, or a start of the names of the tools, of an integration."""
    if not _has_tools(integration):
        return [FieldError("tool_name", "Only integrations that agents call have a tool. Leave this out.")]
    longest = _longest(integration)
    if len(wanted) > longest or not _NAME.fullmatch(wanted):
        return [FieldError("tool_name", f"Use 1 to {longest} letters, digits, hyphens and underscores.")]
    return [FieldError("tool_name", TAKEN)] if _taken_by_others(integration, [wanted]) else []


def insert_with_tools(integration: Integration, config: Any) -> None:
    """Store a new integration and its tools, under a name made of its own if it has no `tool_name`.

    Args:
        config: the configuration, as parsed by the kind of the integration.
    """
    operations = _operations(integration, config)
    integration.tool_name = integration.tool_name or _free_tool_name(integration, operations)
    integration.save(force_insert=True)
    if operations:
        _name_operations(integration, operations)


def update_tools(integration: Integration, changed: Collection[str], before: Any, config: Any) -> None:
    """Store tools for the new operations of an edited integration, and rename all after a new `tool_name`.

    A server at another address has to be listed anew: what was approved there may not be what is here.

    Args:
        changed: the names of the changed fields.
        before: the configuration before the edit, as parsed by the kind.

    Raises:
        Invalid: another tool has one of the new names.
    """
    operations = _operations(integration, config)
    if not set(operations) <= set(_operations(integration, before)):
        _name_operations(integration, operations)
    if "tool_name" in changed:
        _rename_tools(integration)
    kind = KINDS[integration.kind]
    if kind.tools_operation and kind.destinations(before) != kind.destinations(config):
        note_changed_tools(integration.pk)


def name_remote_tools(integration: Integration, operation: str, tools: Iterable[RemoteTool]) -> None:
    """Store a tool of agents for each of these tools of an MCP server, which have none yet."""
    new = {tool.name: tool for tool in sorted(tools, key=lambda tool: tool.name)}
    _store(integration, {name: _remote_name(integration.tool_name, name) for name in new}, new, operation)


def _operations(integration: Integration, config: Any) -> list[str]:
    """Return the operations that are tools; those of a connection are none."""
    if not _has_tools(integration):
        return []
    return [operation.name for operation in KINDS[integration.kind].operations(config)]


def _free_tool_name(integration: Integration, operations: Collection[str]) -> str:
    """Return a name for the tools of a new integration, made of its own; empty for one that agents cannot call."""
    if not _has_tools(integration):
        return ""
    candidates = _candidates(integration)
    names = {start: {start, *(_own_name(integration, start, each) for each in operations)} for start in candidates}
    taken = _taken_by_others(integration, set().union(*names.values()))
    free = (start for start, group in names.items() if taken.isdisjoint(map(str.lower, group)))
    return next(free, candidates[-1])


def _candidates(integration: Integration) -> list[str]:
    """Return names to try: from the integration's name, with a number, and at last with a part of its id."""
    slug = _NOT_IN_NAMES.sub("_", integration.name).strip("_").lower() or integration.kind
    slug = slug[: _longest(integration) - len("_12345678")]
    return [slug, *(f"{slug}_{number}" for number in range(2, _NUMBERED)), f"{slug}_{integration.id.hex[:8]}"]


def _name_operations(integration: Integration, operations: Iterable[str]) -> None:
    """Store a tool for each operation that has none yet. Tools of operations that went keep their names."""
    named = set(integration.agent_tools.filter(remote=None).values_list("operation", flat=True))
    new = {name: None for name in operations if name not in named}
    _store(integration, {name: _own_name(integration, integration.tool_name, name) for name in new}, new)


def _rename_tools(integration: Integration) -> None:
    """Rename every tool of an integration after its new `tool_name`.

    Raises:
        Invalid: another tool has one of the names.
    """
    tools = list(integration.agent_tools.select_related("remote").order_by("name"))
    wanted = {_source(tool): _name_of(integration, tool) for tool in tools}
    if _taken_by_others(integration, wanted.values()):
        raise Invalid(NOT_SAVED, errors=[FieldError("tool_name", TAKEN)])
    names = _marked_twins(wanted, set())
    for tool in tools:
        tool.name = names[_source(tool)]
    aside = Concat(Value("renamed-"), Cast("pk", CharField()))  # a new name may be the old name of another of them
    integration.agent_tools.update(name=aside)
    AgentTool.objects.bulk_update(tools, ["name"])


def _store(
    integration: Integration, names: Mapping[str, str], remotes: Mapping[str, RemoteTool | None], operation: str = ""
) -> None:
    """Store tools under these names, by operation or by name at the server."""
    taken = _in_lower(AgentTool.objects.filter(organization=integration.organization), "name", names.values())
    free = _marked_twins(names, set(taken)) if names else {}
    AgentTool.objects.bulk_create(
        AgentTool(
            organization=integration.organization,
            integration=integration,
            operation=operation or source,
            remote=remotes[source],
            name=name,
        )
        for source, name in free.items()
    )


def _longest(integration: Integration) -> int:
    """Return how long the name of the tool, or the start of the names of the tools, may be."""
    return TOOL_NAME_LENGTH if KINDS[integration.kind].has_one_operation else LONGEST_START


def _source(tool: AgentTool) -> str:
    return tool.remote.name if tool.remote else tool.operation


def _name_of(integration: Integration, tool: AgentTool) -> str:
    name = _remote_name if tool.remote else partial(_own_name, integration)
    return name(integration.tool_name, _source(tool))


def _own_name(integration: Integration, start: str, operation: str) -> str:
    """Return `look_up_patient`, or `practice_calendar_list_slots` for a kind with several operations."""
    return start if KINDS[integration.kind].has_one_operation else f"{start}_{operation}"


def _remote_name(start: str, name: str) -> str:
    """Return `crm_tools_contacts_search` for the tool `contacts.search` of a server."""
    slug = _NOT_IN_NAMES.sub("_", name).strip("_")
    full = f"{start}_{slug}"
    return full if slug and len(full) <= TOOL_NAME_LENGTH else _marked(full, name)


def _marked(name: str, source: str) -> str:
    """Return a name with a part of the hash of what it is made of, which tells it apart from another one."""
    mark = f"_{hashlib.sha256(source.encode()).hexdigest()[:8]}"
    return name[: TOOL_NAME_LENGTH - len(mark)] + mark


def _marked_twins(names: Mapping[str, str], taken: Collection[str]) -> dict[str, str]:
    """Return the names, with a mark those that are taken or wanted a second time."""
    used, free = set(taken), {}
    for source, name in names.items():
        free[source] = _marked(name, source) if name.lower() in used else name
        used.add(free[source].lower())
    return free


def _has_tools(integration: Integration) -> bool:
    kind = KINDS.get(integration.kind)
    return kind is not None and not kind.is_shared


def _taken_by_others(integration: Integration, names: Iterable[str]) -> set[str]:
    """Return which of these names tools of other integrations have, or start with, in lower case."""
    wanted = list(names)
    tools = AgentTool.objects.filter(organization=integration.organization).exclude(integration=integration)
    starts = Integration.objects.of(integration.organization).exclude(pk=integration.pk)
    return set(_in_lower(tools, "name", wanted).union(_in_lower(starts, "tool_name", wanted)))


def _in_lower(rows: QuerySet[Any], column: str, names: Iterable[str]) -> QuerySet[Any, str]:
    wanted = {name.lower() for name in names}
    return rows.annotate(low=Lower(column)).filter(low__in=wanted).values_list("low", flat=True)
