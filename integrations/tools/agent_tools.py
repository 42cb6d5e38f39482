"""The tools of an agent: one for each operation that its API key may run (docs/api.md, "Agents").

A tool consists of names and schemas that people of the organization wrote; it contains nothing about secrets.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.errors import PermissionDenied
from integrations.inheritance import parsed, with_parents
from integrations.kinds import KINDS
from integrations.kinds.base import Operation
from integrations.models import Integration

NAME_LENGTH = 64
"""The shortest limit among clients; MCP itself allows 128 characters."""

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class AgentTool:
    """An operation of an integration, under the name that agents call it by."""

    name: str
    title: str
    description: str
    parameters: dict[str, Any] = field(hash=False)
    read_only: bool
    integration_id: UUID
    operation: str


def environment_of(actor: Actor) -> Environment:
    """Return the environment in which an agent's calls are made.

    Raises:
        PermissionDenied: the key has several environments; an agent must not choose between Staging and Production.
    """
    if len(actor.environments) != 1:
        raise PermissionDenied("An API key for /mcp must have exactly one environment. Create one for this agent.")
    (environment,) = actor.environments
    return environment


def tools_of(actor: Actor, environment: Environment) -> list[AgentTool]:
    """Return the tools of an actor in an environment, by name."""
    rows = Integration.objects.visible_to(actor).with_links().filter(enabled=True, environments__has=environment)
    offered = [
        (integration, operation, len(operations))
        for integration in rows
        if _runs(integration, environment)
        for operations in [KINDS[integration.kind].operations(parsed(integration))]
        for operation in operations
    ]
    names = [_name(integration, operation, number) for integration, operation, number in offered]
    taken = Counter(name.lower() for name in names)
    tools = [
        AgentTool(
            name=name if taken[name.lower()] == 1 else f"{name}_{integration.id.hex[:8]}",
            title=integration.name if number == 1 else f"{integration.name}: {operation.name}",
            description=_description(integration, operation),
            parameters=operation.parameters,
            read_only=operation.read_only,
            integration_id=integration.id,
            operation=operation.name,
        )
        for (integration, operation, number), name in zip(offered, names, strict=True)
    ]
    return sorted(tools, key=lambda tool: tool.name)


def _runs(integration: Integration, environment: Environment) -> bool:
    """Return whether the integration and its parents are enabled and run in the environment."""
    return all(link.enabled and environment in link.environments for link in with_parents(integration))


def _name(integration: Integration, operation: Operation, operations: int) -> str:
    """Return `look_up_patient`, or `practice_calendar_list_slots` for an integration with several operations."""
    words = [integration.name] if operations == 1 else [integration.name, operation.name]
    parts = [_NOT_IN_NAMES.sub("_", word).strip("_").lower() for word in words]
    remaining = NAME_LENGTH - len("_12345678") - (len(parts[-1]) + 1 if operations > 1 else 0)
    return "_".join([parts[0][:remaining] or integration.kind, *parts[1:]])


def _description(integration: Integration, operation: Operation) -> str:
    """Return the description of the integration and the operation, as two sentences."""
    said = (integration.description.rstrip("."), operation.description.rstrip("."))
    return " ".join(f"{sentence}." for sentence in said if sentence)
