"""Who sent a message to `/mcp`, and the message as it was written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.errors import NotFound
from config.agents.calls import CallId
from integrations.tools.agent_tools import ToolOffer

CALLER = "coffer.caller"
"""What the scope of a message has beside that of ASGI: its `Caller`."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a message: the actor of the API key, the key's only environment, and the message as it was written.

    Attributes:
        tool: the tool that the message calls, or why there is none; None if it calls no tool that could exist.
        session: what `initialize` named the session; empty if nothing. Coffer keeps nothing of a session.
    """

    actor: Actor
    environment: Environment
    message: Any = field(repr=False)
    tool: ToolOffer | NotFound | None
    session: str

    @property
    def is_message(self) -> bool:
        """Whether it is one message, whose id is none or one that MCP allows; the SDK checks the rest."""
        return isinstance(self.message, dict) and type(self.message.get("id", "")) in {str, int}

    @property
    def method(self) -> object:
        """The method of the message; None if it is a response."""
        return self.message.get("method")

    @property
    def params(self) -> Mapping[str, Any]:
        """The parameters of the message; empty if it has none."""
        params = self.message.get("params")
        return params if isinstance(params, dict) else {}

    @property
    def call_id(self) -> CallId | None:
        """What a cancellation names this message by; None outside of a session."""
        return self.call(self.message.get("id"))

    def call(self, request: object) -> CallId | None:
        """Return the name of a request of this session."""
        is_named = bool(self.session) and (isinstance(request, str) or type(request) is int)
        return CallId(self.actor.id, self.session, request) if is_named else None  # type: ignore[arg-type]

    @property
    def opens_pages(self) -> bool:
        """Whether the client has said at the beginning of the session that it can open a page for a person."""
        return self.session.endswith("-pages")
