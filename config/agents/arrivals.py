"""Who calls which tool: the API keys and the tools of all messages that wait are looked up together."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from accounts.access.callers import PresentedKey, actors_of_keys
from accounts.actors import Actor
from accounts.common.database import Batches
from accounts.errors import NotFound, Refusal
from integrations.tool_models import TOOL_NAME_LENGTH
from integrations.tools.agent_tools import ToolOffer, find_tools

CALL = "tools/call"

_is_name = re.compile(rf"[A-Za-z0-9_-]{{1,{TOOL_NAME_LENGTH}}}").fullmatch


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a message came with: its API key, and the name of the tool that it calls; empty if it calls none."""

    key: PresentedKey
    tool: str


def called_tool(message: Any) -> str:
    """Return the name of the tool that a message calls; empty if it calls none, or none that can exist."""
    if not isinstance(message, dict) or message.get("method") != CALL or not isinstance(message.get("params"), dict):
        return ""
    name = message["params"].get("name")
    return name if isinstance(name, str) and _is_name(name) else ""


def _looked_up(arrivals: Sequence[Arrival]) -> list[tuple[Actor, ToolOffer | NotFound | None] | Exception]:
    actors = actors_of_keys([arrival.key for arrival in arrivals])
    both = list(zip(actors, arrivals, strict=True))
    known = ((actor, arrival.tool) for actor, arrival in both if isinstance(actor, Actor))
    tools = iter(find_tools([(actor, name) for actor, name in known if name]))
    return [
        actor if isinstance(actor, Refusal) else (actor, next(tools) if arrival.tool else None)
        for actor, arrival in both
    ]


ARRIVALS: Batches[Arrival, tuple[Actor, ToolOffer | NotFound | None]] = Batches(_looked_up)
"""The messages that wait. Each gets its actor and its tool, or the refusal of its key is raised for it."""
