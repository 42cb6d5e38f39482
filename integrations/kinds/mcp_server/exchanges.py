"""The exchanges of an MCP server: listing its tools, calling one, and the check that lists them.

Owns: what is asked for in each, and what of the answers is given to the caller.
"""

import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from integrations.exchange.exchange import FAILED, PASSED, Channel, Exchange, Step, steps_response
from integrations.exchange.messages import PreviewRequest, RequestTemplate, UpstreamResponse, preview, render
from integrations.kinds.mcp_server.client import McpClient
from integrations.kinds.mcp_server.eras import connect
from integrations.kinds.mcp_server.failures import ServerFailure, Stale
from integrations.kinds.mcp_server.sessions import CALL_TOOL, LIST_TOOLS, Session, all_tools
from secrets_app.plaintext import Plaintext

UPSTREAM_ERROR = "upstream_error"
ASKS = "The server asks for input before it goes on. Coffer gives servers no input: no sampling, elicitation or roots."


@dataclass(frozen=True, slots=True)
class _McpExchange(Exchange):
    """One exchange; `request` carries the address, the headers and the query of everything that is sent."""

    request: RequestTemplate
    starts_anew: ClassVar[bool] = False
    """Whether it asks for the server's era although that is known."""

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Those of headers and query."""
        return self.request.secret_names

    async def perform(
        self, channel: Channel, *, secrets: Mapping[str, Plaintext], params: Mapping[str, object]
    ) -> UpstreamResponse:
        """Have it; once more from the start where what was known of the server turns out to be wrong."""
        client = McpClient(channel, render(self.request, secrets=secrets, params={}))
        try:
            try:
                return await self._once(client, channel, params, anew=self.starts_anew)
            except Stale:
                return await self._once(client, channel, params, anew=True)
        except Stale as still:
            return self.failed(still.failure)
        except ServerFailure as failure:
            return self.failed(failure)

    def failed(self, failure: ServerFailure) -> UpstreamResponse:
        """The answer where the server did not do what was asked."""
        return _as_response(failure.body, succeeded=False)

    @abstractmethod
    async def talk(self, session: Session, params: Mapping[str, object]) -> UpstreamResponse:
        """What happens in the session. Raises what `Session.ask` raises."""

    async def _once(
        self, client: McpClient, channel: Channel, params: Mapping[str, object], *, anew: bool
    ) -> UpstreamResponse:
        session = await connect(client, channel, self.request.base_url, anew=anew)
        try:
            return await self.talk(session, params)
        finally:
            await session.close()

    def _previewed(self, method: str, params: Mapping[str, object]) -> PreviewRequest:
        shown = preview(self.request, params={})
        return replace(shown, body=json.dumps({"method": method, "params": params}, indent=2, ensure_ascii=False))


@dataclass(frozen=True, slots=True)
class ListTools(_McpExchange):
    """All tools that the server offers, as it describes them."""

    @property
    def summary(self) -> str:
        """The method."""
        return LIST_TOOLS

    async def talk(self, session: Session, params: Mapping[str, object]) -> UpstreamResponse:  # noqa: ARG002
        """`{"tools": […]}`, the pages of the server put together."""
        return _as_response({"tools": await all_tools(session)}, succeeded=True)

    def preview(self, params: Mapping[str, object]) -> PreviewRequest:
        """The request with every value masked."""
        return self._previewed(LIST_TOOLS, params)


@dataclass(frozen=True, slots=True)
class CallTool(_McpExchange):
    """One call of one tool."""

    @property
    def summary(self) -> str:
        """The method."""
        return CALL_TOOL

    async def talk(self, session: Session, params: Mapping[str, object]) -> UpstreamResponse:
        """The tool's result as the server gave it; `isError` in it is an error of the upstream."""
        result = await session.ask(CALL_TOOL, {"name": params["name"], "arguments": params["arguments"]})
        if result.get("resultType") == "input_required":
            raise ServerFailure(ASKS)
        return _as_response(dict(result), succeeded=result.get("isError") is not True)

    def preview(self, params: Mapping[str, object]) -> PreviewRequest:
        """The request with every value masked."""
        return self._previewed(CALL_TOOL, params)


@dataclass(frozen=True, slots=True)
class CheckTools(_McpExchange):
    """Whether the server takes the credential and lists its tools; nothing is called."""

    reports_steps: ClassVar[bool] = True
    starts_anew: ClassVar[bool] = True

    @property
    def summary(self) -> str:
        """The method."""
        return LIST_TOOLS

    async def talk(self, session: Session, params: Mapping[str, object]) -> UpstreamResponse:  # noqa: ARG002
        """Two steps: the server was spoken to, and it listed its tools."""
        connected = Step("connect", PASSED, None, f"The server speaks MCP {session.version}.")
        try:
            tools = await all_tools(session)
        except ServerFailure as failure:
            return steps_response([connected, Step("list_tools", FAILED, UPSTREAM_ERROR, failure.sentence)])
        count = f"{len(tools)} tool{'' if len(tools) == 1 else 's'}"
        return steps_response([connected, Step("list_tools", PASSED, None, f"The server offers {count}.")])

    def failed(self, failure: ServerFailure) -> UpstreamResponse:
        """One step: it got no further."""
        return steps_response([Step("connect", FAILED, UPSTREAM_ERROR, failure.sentence)])


def _as_response(body: Mapping[str, Any], *, succeeded: bool) -> UpstreamResponse:
    """The body as JSON of ours: nothing of the server's head, which holds the session's id, goes on."""
    return UpstreamResponse(None, b"", (), json.dumps(body).encode(), True, succeeded=succeeded)
