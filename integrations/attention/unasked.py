"""Destructive operations that anybody may call in Production without a person being asked."""

from collections.abc import Iterator
from dataclasses import dataclass

from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.errors import Invalid
from accounts.policy import Permission
from integrations.inheritance import operations_of, with_parents
from integrations.kinds import KINDS
from integrations.models import AgentTool, Integration
from integrations.rules.shape import Decision, Rule
from integrations.rules.stored import rules_of
from integrations.tools.agent_tools import describe

SHOWN_AT_MOST = 50


@dataclass(frozen=True, slots=True)
class Unasked:
    """An integration, and its operations that no rule asks about, denies or restricts."""

    integration: Integration
    operations: list[str]


def unasked_operations(actor: Actor) -> list[Unasked]:
    """Return the first integrations, by name, with destructive operations that are called unasked in Production.

    A rule counts if it is for every caller: it asks or denies, or allows the operation under conditions only.

    Raises:
        PermissionDenied: the actor may not read integrations.
    """
    actor.check(Permission.INTEGRATIONS_READ)
    if actor.organization.asks_unless_read_only:
        return []
    rows = Integration.objects.visible_to(actor).with_links().prefetch_related("agent_tools__remote")
    running = rows.filter(enabled=True, environments__has=Environment.PRODUCTION).order_by("name")
    found = []
    for integration in running.iterator(chunk_size=200):
        operations = [name for name in _destructive(integration) if not _is_ruled(integration, name)]
        if operations:
            found.append(Unasked(integration, operations))
        if len(found) == SHOWN_AT_MOST:
            break
    return found


def _destructive(integration: Integration) -> Iterator[str]:
    """Yield the destructive operations that agents get, as rules name them."""
    calling = KINDS[integration.kind].calling_operation
    for tool in integration.agent_tools.all():
        if _is_destructive(tool, integration):
            yield f"{calling}:{tool.remote.name}" if tool.remote else tool.operation


def _is_destructive(tool: AgentTool, integration: Integration) -> bool:
    tool.integration = integration
    try:
        offer = describe(tool) if tool.remote or tool.operation in operations_of(integration) else None
    except Invalid:  # a stored configuration that cannot run either
        return False
    return offer is not None and offer.hints.destructive and not offer.hints.read_only


def _is_ruled(integration: Integration, operation: str) -> bool:
    own, *parents = with_parents(integration)
    names = {None, operation, operation.partition(":")[0]}
    mine = [rule for rule in rules_of(own) if rule.operation in names]
    inherited = [rule for parent in parents for rule in rules_of(parent) if rule.operation is None]
    return any(map(_restricts, [*mine, *inherited]))


def _restricts(rule: Rule) -> bool:
    is_about = not rule.keys and (not rule.environments or Environment.PRODUCTION in rule.environments)
    return is_about and (rule.decision is not Decision.ALLOW or rule.arguments is not None or rule.hours is not None)
