"""Sessions of both eras over Streamable HTTP.

Which era a server belongs to is detected in `eras.py`; the different transport of 2024-11-05 is in `streams.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from integrations.errors import ResponseTooLarge, ResponseUnreadable
from integrations.kinds.mcp_server.client import Headers, McpClient
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
from integrations.kinds.mcp_server.replies import McpResponse
from integrations.templating.json_body import write_json

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

BAD_REQUEST, NOT_FOUND = 400, 404
NO_ENDPOINT = frozenset({BAD_REQUEST, NOT_FOUND, 405})


class Session(ABC):
    """An open session with a server."""

    version: str

    @abstractmethod
    async def request(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send a request and return its result.

        Raises:
            ServerFailure: the server returned no result.
            Stale: what was remembered of the server is wrong; the request had no effect.
            Refusal: as the transport, or ResponseUnreadable.
        """

    async def close(self) -> None:  # noqa: B027 - optional: modern sessions have nothing to close
        """End the session."""

    def may_use(self, _tool: Mapping[str, Any], /) -> bool:
        """Return whether the definition of a tool keeps the rules of the era. By default it does."""
        return True


async def all_tools(session: Session) -> list[Tool]:
    """Return the tools of all pages, without unnamed tools and tools that break the rules of the era.

    Raises:
        ResponseTooLarge: the list exceeds the limits.
        ResponseUnreadable: a page is not a list.
        ServerFailure, Stale, Refusal: as `Session.request`.
    """
    tools: list[Tool] = []
    cursor: dict[str, Any] = {}
    seen: set[object] = {"", None}
    size = 0
    for _ in range(MAX_PAGES):
        page = await session.request(LIST_TOOLS, cursor)
        listed = page.get("tools")
        if not isinstance(listed, list):
            raise ResponseUnreadable("The server did not return a list of tools.")
        size += len(write_json(listed))
        tools += [tool for tool in listed if _is_tool(tool) and session.may_use(tool)]
        if len(tools) > MAX_TOOLS:
            raise ResponseTooLarge(f"The server lists more than {MAX_TOOLS} tools.")
        if size > MAX_TOOL_BYTES:
            raise ResponseTooLarge(f"The server describes its tools in more than {MAX_TOOL_BYTES} bytes.")
        following = page.get("nextCursor")
        if not isinstance(following, str | int | None) or following in seen:  # some servers never stop naming a cursor
            return tools
        seen.add(following)
        cursor = {"cursor": following}
    raise ResponseTooLarge(f"The server lists its tools on more than {MAX_PAGES} pages.")


def _is_tool(tool: object) -> bool:
    return isinstance(tool, dict) and isinstance(tool.get("name"), str) and tool["name"] != ""


class ModernSession(Session):
    """The era of 2026-07-28, without sessions: every request is complete."""

    version = MODERN

    def __init__(self, client: McpClient, *, is_assumed: bool) -> None:
        """Create a session.

        Args:
            is_assumed: whether the server's era is remembered and was not detected in this run.
        """
        self._client, self._is_assumed = client, is_assumed

    async def request(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send a request. If the server requires mirrored arguments, look up the tool and repeat it once."""
        response = await self._client.request(method, {**params, "_meta": META}, modern_headers(method, params))
        if method == CALL_TOOL and response.reply and response.reply.error_code == HEADER_MISMATCH:
            headers = [*modern_headers(method, params), *await self._mirrored(params)]
            response = await self._client.request(method, {**params, "_meta": META}, headers)
        if self._is_assumed and response.status in NO_ENDPOINT and not _is_from_this_era(response):
            raise _stale(response, self._client)
        return result_of(response, self._client)

    def may_use(self, tool: Mapping[str, Any]) -> bool:
        """Return whether the marks of a tool keep the rules ("Custom Headers from Tool Parameters")."""
        try:
            marks(tool.get("inputSchema"))
        except BadMarkError:
            return False
        return True

    async def _mirrored(self, params: Mapping[str, Any]) -> Headers:
        found = (tool for tool in await all_tools(self) if tool["name"] == params["name"])
        return mirrored(next(found, {}).get("inputSchema"), params["arguments"])


class LegacySession(Session):
    """A session opened by `initialize` (2025-11-25 and before). Its id is a credential: masked and never stored."""

    def __init__(self, client: McpClient, version: str, session: str | None) -> None:
        self._client, self.version, self._session = client, version, session

    def __repr__(self) -> str:
        return f"<LegacySession {self.version}>"

    @property
    def _headers(self) -> Headers:
        own = [(SESSION_ID, self._session)] if self._session else []
        return [(PROTOCOL_VERSION, self.version), *own]

    @property
    def remembered_as(self) -> str:
        """The value that is remembered of the server."""
        return self.version

    async def begin(self) -> None:
        """Notify the server that the session is open.

        Raises:
            Refusal: as the transport.
        """
        await self._client.notify(INITIALIZED, self._headers)

    async def request(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send a request. If the server no longer knows the session, raise Stale."""
        response = await self._client.request(method, params, self._headers, resumes=True)
        if self._session and _is_forgotten(response):
            raise _stale(response, self._client)
        return result_of(response, self._client)

    async def close(self) -> None:
        """DELETE the session if it has an id."""
        if self._session:
            await self._client.end_session(self._headers)


def modern_headers(method: str, params: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the headers that mirror a request."""
    named = [(NAME, header_text(params["name"]))] if method == CALL_TOOL else []
    return [(PROTOCOL_VERSION, MODERN), (METHOD, method), *named]


def is_modern(response: McpResponse) -> bool:
    """Return whether only servers of the modern era send this error ("Backward Compatibility")."""
    code = response.reply.error_code if response.reply else None
    return code in MODERN_ERRORS or (code == METHOD_NOT_FOUND and response.status == NOT_FOUND)


def _is_from_this_era(response: McpResponse) -> bool:
    """Return whether an error responds to the request itself; legacy servers do not repeat its id."""
    return is_modern(response) or (response.reply is not None and response.reply.names_request)


def _is_forgotten(response: McpResponse) -> bool:
    """Return whether the server no longer knows the session: 404, or 400 with words about it, as some servers have.

    An error with the id of the request is an answer to it, so the request may have had an effect.
    """
    reply = response.reply
    if response.status != BAD_REQUEST or (reply and reply.names_request):
        return response.status == NOT_FOUND
    return "session" in f"{response.text} {reply.error if reply else ''}".lower()


def _stale(response: McpResponse, client: McpClient) -> Stale | ResponseUnreadable:
    failure = failure_of(response, client)
    return Stale(failure) if isinstance(failure, ServerFailure) else failure


def result_of(response: McpResponse, client: McpClient) -> Mapping[str, Any]:
    """Return the result of a response.

    Raises:
        ServerFailure, ResponseUnreadable: there is none.
    """
    if response.is_rejected or response.reply is None or response.reply.result is None:
        raise failure_of(response, client)
    return response.reply.result
