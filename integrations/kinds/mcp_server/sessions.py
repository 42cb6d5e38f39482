"""Sessions of both eras over Streamable HTTP: how each is spoken and ended.

Owns: the headers and bodies of an era. Which era a server is of is `eras.py`; the transport of 2024-11-05, which works
otherwise, is `streams.py`.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from integrations.errors import ResponseTooLarge, ResponseUnreadable
from integrations.kinds.mcp_server.channel import Answer, Channel, Headers
from integrations.kinds.mcp_server.failures import ServerFailure, Stale, failure_of
from integrations.kinds.mcp_server.headers import (
    METHOD,
    NAME,
    PROTOCOL_VERSION,
    SESSION_ID,
    BadMarkError,
    header_text,
    marks,
    mirrored,
)
from integrations.kinds.mcp_server.messages import HEADER_MISMATCH, METHOD_NOT_FOUND, MODERN_ERRORS

MODERN = "2026-07-28"
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
CLIENT = {"name": "Coffer", "version": "1"}
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}

INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
LIST_TOOLS, CALL_TOOL = "tools/list", "tools/call"
MAX_PAGES, MAX_TOOLS, MAX_TOOL_BYTES = 20, 1000, 1024 * 1024
Tool = Mapping[str, Any]

NOT_FOUND = 404
NO_ENDPOINT = frozenset({400, NOT_FOUND, 405})


class Session(ABC):
    """An open way to call a server."""

    version: str

    @abstractmethod
    async def ask(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """The result of one request.

        Raises:
            ServerFailure: the server answered otherwise.
            Stale: what was known of the server no longer holds; nothing was done.
            Refusal: those of the transport, and ResponseUnreadable.
        """

    async def close(self) -> None:  # noqa: B027 - not every era has something to end
        """End it."""

    def may_use(self, tool: Mapping[str, Any]) -> bool:  # noqa: ARG002 - every one, unless the era has rules
        """Whether the definition of a tool keeps the rules of the era."""
        return True


async def all_tools(session: Session) -> list[Tool]:
    """Every page of the list; tools without a name, and those that break the era's rules, are left out.

    Raises:
        ResponseTooLarge: the list does not end within the bounds.
        ResponseUnreadable: it is no list.
        ServerFailure, Stale, Refusal: as `Session.ask`.
    """
    tools: list[Tool] = []
    cursor: dict[str, Any] = {}
    size = 0
    for _ in range(MAX_PAGES):
        page = await session.ask(LIST_TOOLS, cursor)
        listed = page.get("tools")
        if not isinstance(listed, list):
            raise ResponseUnreadable("The answer of the server is not a list of tools.")
        size += len(json.dumps(listed))
        tools += [tool for tool in listed if _is_tool(tool) and session.may_use(tool)]
        if len(tools) > MAX_TOOLS or size > MAX_TOOL_BYTES:
            break
        if not isinstance(page.get("nextCursor"), str):
            return tools
        cursor = {"cursor": page["nextCursor"]}
    raise ResponseTooLarge(f"The server lists more than {MAX_TOOLS} tools, or too much about them.")


def _is_tool(tool: object) -> bool:
    return isinstance(tool, dict) and isinstance(tool.get("name"), str) and tool["name"] != ""


class ModernSession(Session):
    """2026-07-28: no session at all; every request says everything."""

    version = MODERN

    def __init__(self, channel: Channel, *, is_assumed: bool) -> None:
        """`is_assumed` says that the server's era is remembered and was not asked for in this run."""
        self._channel, self._is_assumed = channel, is_assumed

    async def ask(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """One request; a tool whose arguments the server wants to see in headers as well is looked up, once."""
        answer = await self._channel.ask(method, {**params, "_meta": META}, modern_headers(method, params))
        if method == CALL_TOOL and answer.reply and answer.reply.error_code == HEADER_MISMATCH:
            headers = [*modern_headers(method, params), *await self._mirrored(params)]
            answer = await self._channel.ask(method, {**params, "_meta": META}, headers)
        if self._is_assumed and answer.status in NO_ENDPOINT and not _is_of_this_era(answer):
            raise _stale(answer, self._channel)
        return result_of(answer, self._channel)

    def may_use(self, tool: Mapping[str, Any]) -> bool:
        """A tool whose marks break the rules is left out of the list ("Custom Headers from Tool Parameters")."""
        try:
            marks(tool.get("inputSchema"))
        except BadMarkError:
            return False
        return True

    async def _mirrored(self, params: Mapping[str, Any]) -> Headers:
        found = (tool for tool in await all_tools(self) if tool["name"] == params["name"])
        return mirrored(next(found, {}).get("inputSchema"), params["arguments"])


class LegacySession(Session):
    """2025-11-25 and before: what `initialize` opened. Its id is a credential: it is masked and stored nowhere."""

    def __init__(self, channel: Channel, version: str, session: str | None) -> None:
        self._channel, self.version, self._session = channel, version, session

    def __repr__(self) -> str:
        return f"<LegacySession {self.version}>"

    @property
    def _headers(self) -> Headers:
        own = [(SESSION_ID, self._session)] if self._session else []
        return [(PROTOCOL_VERSION, self.version), *own]

    @property
    def kept_as(self) -> str:
        """What is remembered of the server."""
        return self.version

    async def begin(self) -> None:
        """Tell the server that the session is open.

        Raises:
            Refusal: those of the transport.
        """
        await self._channel.tell(INITIALIZED, self._headers)

    async def ask(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """One request. A server that no longer knows the session is started with anew."""
        answer = await self._channel.ask(method, params, self._headers)
        if self._session and answer.status == NOT_FOUND:
            raise _stale(answer, self._channel)
        return result_of(answer, self._channel)

    async def close(self) -> None:
        """DELETE it, where the server gave one."""
        if self._session:
            await self._channel.end(self._headers)


def modern_headers(method: str, params: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The headers that mirror a request."""
    named = [(NAME, header_text(params["name"]))] if method == CALL_TOOL else []
    return [(PROTOCOL_VERSION, MODERN), (METHOD, method), *named]


def is_modern(answer: Answer) -> bool:
    """Whether an error is one that only servers of the modern era send ("Backward Compatibility")."""
    code = answer.reply.error_code if answer.reply else None
    return code in MODERN_ERRORS or (code == METHOD_NOT_FOUND and answer.status == NOT_FOUND)


def _is_of_this_era(answer: Answer) -> bool:
    """Whether a rejection answers the very request: a legacy server rejects one of this era without naming it."""
    return is_modern(answer) or (answer.reply is not None and answer.reply.names_request)


def _stale(answer: Answer, channel: Channel) -> Stale | ResponseUnreadable:
    failure = failure_of(answer, channel)
    return Stale(failure) if isinstance(failure, ServerFailure) else failure


def result_of(answer: Answer, channel: Channel) -> Mapping[str, Any]:
    """The result in an answer.

    Raises:
        ServerFailure, ResponseUnreadable: there is none.
    """
    if answer.is_rejected or answer.reply is None or answer.reply.result is None:
        raise failure_of(answer, channel)
    return answer.reply.result
