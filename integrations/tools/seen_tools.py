"""The tools that an API key sees, or would see: what people are shown before they hand a key to an agent."""

from collections.abc import Collection
from dataclasses import replace
from uuid import UUID

from accounts.actors import Actor, actor_for_key
from accounts.common.environments import Environment
from accounts.common.paging import Page
from accounts.models import ApiKey
from accounts.policy import Permission
from integrations.tools.agent_tools import ToolOffer, page_of_tools

ROWS = 50


def tools_of_key(
    actor: Actor, key: ApiKey, environment: Environment, *, cursor: str = "", limit: int = ROWS
) -> Page[ToolOffer]:
    """Return a page of the tools that a key of the actor's organization sees in an environment, by name.

    Raises:
        PermissionDenied: the actor may not see API keys.
        Invalid: the cursor does not belong to this list.
    """
    actor.check(Permission.API_KEYS_READ)
    key.organization = actor.organization
    return page_of_tools(actor_for_key(key), environment, cursor, limit)


def tools_of_choice(
    actor: Actor, environment: Environment, integrations: Collection[UUID] | None, *, limit: int = ROWS
) -> Page[ToolOffer]:
    """Return the first tools that a new key with this choice would see. None stands for all integrations.

    Raises:
        PermissionDenied: the actor may not create API keys.
    """
    actor.check(Permission.API_KEYS_CREATE)
    chosen = None if integrations is None else frozenset(integrations)
    return page_of_tools(replace(actor, integrations=chosen), environment, limit=limit)
