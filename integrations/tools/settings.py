"""What people set about a tool of agents: its hints, and what of its answers agents get."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.actors import Actor
from accounts.audit import trail
from accounts.common.paging import DEFAULT_LIMIT, Page, decode_cursor, encode_cursor
from accounts.errors import FieldError, Invalid, NotFound
from accounts.people.locks import lock_organization
from accounts.policy import Permission
from integrations.editing.bounds import check_bounds
from integrations.exchange.returns import problem_with_expression
from integrations.models import AgentTool, Integration
from integrations.tools.answers import FEWEST_CHARACTERS, MOST_CHARACTERS, MOST_ITEMS

HINTS = ("read_only", "destructive", "idempotent", "open_world")
ANSWERS = ("answer_fields", "max_items", "max_characters")
NOT_SAVED = "The tool was not saved."
LONGEST_EXPRESSION = AgentTool._meta.get_field("answer_fields").max_length or 1000


def page_of(actor: Actor, integration_id: UUID, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[AgentTool]:
    """Return a page of the tools of an integration, by name.

    Raises:
        NotFound: there is no such integration, or the actor may not see it.
        Invalid: the cursor does not belong to this list.
    """
    tools = Integration.objects.fetch(actor, integration_id).agent_tools.select_related("integration", "remote")
    if cursor:
        tools = tools.filter(name__gt=decode_cursor(cursor, length=1)[0])
    found = list(tools.order_by("name")[: limit + 1])
    return Page(found[:limit], encode_cursor([found[limit - 1].name]) if len(found) > limit else None)


def change_tool(*, actor: Actor, integration_id: UUID, tool_id: UUID, changes: Mapping[str, Any]) -> AgentTool:
    """Change hints of a tool and the limits of its answers. A change of nothing writes nothing.

    Args:
        changes: new values by field, of `HINTS` and `ANSWERS`; a hint of None is as proposed.

    Raises:
        PermissionDenied: the actor may not write integrations, or not this one (`check_bounds`).
        NotFound: there is no such integration, or it has no such tool.
        Invalid: an expression cannot choose fields, or a limit is out of range.
    """
    actor.check(Permission.INTEGRATIONS_WRITE)
    errors = list(_problems(changes))
    if errors:
        raise Invalid(NOT_SAVED, errors=errors)
    with transaction.atomic():
        lock_organization(actor.organization)
        integration = Integration.objects.fetch(actor, integration_id)
        integration.organization = actor.organization
        check_bounds(actor, integration)
        tool = find(integration, tool_id)
        changed = [name for name, value in changes.items() if getattr(tool, name) != value]
        for name in changed:
            setattr(tool, name, changes[name])
        if changed:
            tool.save(update_fields=changed)
            trail.record(
                trail.Event.INTEGRATION_TOOL_CHANGED, actor=actor, target=integration, tool=tool.name, fields=changed
            )
    return tool


def find(integration: Integration, tool_id: UUID) -> AgentTool:
    """Return a tool of an integration.

    Raises:
        NotFound: it has no such tool.
    """
    for tool in integration.agent_tools.select_related("integration", "remote").filter(pk=tool_id):
        return tool
    raise NotFound("This integration has no such tool.")


def _problems(changes: Mapping[str, Any]) -> Iterator[FieldError]:
    expression = changes.get("answer_fields", "")
    if expression and (problem := _problem_with(expression)):
        yield FieldError("answer_fields", problem)
    items, characters = changes.get("max_items"), changes.get("max_characters", FEWEST_CHARACTERS)
    if items is not None and not 1 <= items <= MOST_ITEMS:
        yield FieldError("max_items", f"Enter a number from 1 to {MOST_ITEMS}, or leave it out.")
    if not FEWEST_CHARACTERS <= characters <= MOST_CHARACTERS:
        yield FieldError("max_characters", f"Enter a number from {FEWEST_CHARACTERS} to {MOST_CHARACTERS}.")


def _problem_with(expression: str) -> str | None:
    if len(expression) > LONGEST_EXPRESSION:
        return f"Use at most {LONGEST_EXPRESSION} characters."
    return problem_with_expression(expression)
