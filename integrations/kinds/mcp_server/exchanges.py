"""The exchanges of an MCP server: listing tools, calling a tool, and the check."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from typing_extensions import override

from integrations.exchange.channels import Channel
from integrations.exchange.exchange import Exchange
from integrations.exchange.messages import PreviewRequest, RequestTemplate, UpstreamResponse, preview, render
from integrations.exchange.steps import FAILED, PASSED, Step, steps_response
from integrations.kinds.mcp_server.client import McpClient
from integrations.kinds.mcp_server.eras import connect
from integrations.kinds.mcp_server.failures import ServerFailure, Stale
from integrations.kinds.mcp_server.sessions import CALL_TOOL, LIST_TOOLS, Session, all_tools
from integrations.templating.json_body import write_json
from secrets_app.plaintext import Plaintext

UPSTREAM_ERROR = "upstream_error"
NEEDS_INPUT = "The server asks for input. Coffer gives servers no input: no sampling, elicitation or roots."


@dataclass(frozen=True, slots=True)
class _McpExchange(Exchange):
    """An exchange with the server.

    Attributes:
        request: the URL, headers and query parameters of every request.
        rediscovers: whether it detects the server's era even if it is remembered.
    """

    request: RequestTemplate
    rediscovers: ClassVar[bool] = False

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The names of the secrets in headers and query parameters."""
        return self.request.secret_names

    @property
    def requests(self) -> tuple[RequestTemplate, ...]:
        """The request without its body."""
        return (self.request,)

    async def perform(
        self, channel: Channel, *, secrets: Mapping[str, Plaintext], params: Mapping[str, object]
    ) -> UpstreamResponse:
        """Perform the exchange; repeat it once if what was remembered of the server is wrong."""
        client = McpClient(channel, render(self.request, secrets=secrets, params={}))
        try:
            try:
                return await self._attempt(client, channel, params, rediscover=self.rediscovers)
            except Stale:
                return await self._attempt(client, channel, params, rediscover=True)
        except Stale as still:
            return self.failed(still.failure)
        except ServerFailure as failure:
            return self.failed(failure)

    def failed(self, failure: ServerFailure) -> UpstreamResponse:
        """Return the response for an error of the server."""
        return _as_response(failure.body, succeeded=False)

    @abstractmethod
    async def interact(self, session: Session, params: Mapping[str, object]) -> UpstreamResponse:
        """Send the requests of the exchange in an open session.

        Raises:
            ServerFailure, Stale, Refusal: as `Session.request`.
        """

    async def _attempt(
        self, client: McpClient, channel: Channel, params: Mapping[str, object], *, rediscover: bool
    ) -> UpstreamResponse:
        session = await connect(client, channel, self.request.base_url, rediscover=rediscover)
        try:
            return await self.interact(session, params)
        finally:
            await session.close()

    def _previewed(self, method: str, params: Mapping[str, object]) -> PreviewRequest:
        shown = preview(self.request, params={})
        return replace(shown, body=write_json({"method": method, "params": params}, is_ascii=False, indent=2))


@dataclass(frozen=True, slots=True)
class ListTools(_McpExchange):
    """Lists all tools that the server offers, with its own descriptions."""

    @property
    def summary(self) -> str:
        """The JSON-RPC method."""
        return LIST_TOOLS

    @override
    async def interact(self, session: Session, params: Mapping[str, object]) -> UpstreamResponse:
        """Return `{"tools": […]}` with the tools of all pages."""
        return _as_response({"tools": await all_tools(session)}, succeeded=True)

    def preview(self, params: Mapping[str, object]) -> PreviewRequest:
        """Return the request with every value masked."""
        return self._previewed(LIST_TOOLS, params)


@dataclass(frozen=True, slots=True)
class CallTool(_McpExchange):
    """Calls one tool."""

    @property
    def summary(self) -> str:
        """The JSON-RPC method."""
        return CALL_TOOL

    async def interact(self, session: Session, params: Mapping[str, object]) -> UpstreamResponse:
        """Return the tool's unchanged result. With `isError` it counts as an error of the upstream."""
        result = await session.request(CALL_TOOL, {"name": params["name"], "arguments": params["arguments"]})
        if result.get("resultType") == "input_required":
            raise ServerFailure(NEEDS_INPUT)
        return _as_response(dict(result), succeeded=result.get("isError") is not True)

    def preview(self, params: Mapping[str, object]) -> PreviewRequest:
        """Return the request with every value masked."""
        return self._previewed(CALL_TOOL, params)


@dataclass(frozen=True, slots=True)
class CheckTools(_McpExchange):
    """Checks that the server accepts the credential and lists its tools. No tool is called."""

    reports_steps: ClassVar[bool] = True
    rediscovers: ClassVar[bool] = True

    @property
    def summary(self) -> str:
        """The JSON-RPC method."""
        return LIST_TOOLS

    @override
    async def interact(self, session: Session, params: Mapping[str, object]) -> UpstreamResponse:
        """Return two steps: connecting to the server, and listing its tools."""
        connected = Step("connect", PASSED, None, f"The server speaks MCP {session.version}.")
        try:
            tools = await all_tools(session)
        except ServerFailure as failure:
            return steps_response([connected, Step("list_tools", FAILED, UPSTREAM_ERROR, failure.sentence)])
        count = f"{len(tools)} tool{'' if len(tools) == 1 else 's'}"
        return steps_response([connected, Step("list_tools", PASSED, None, f"The server offers {count}.")])

    def failed(self, failure: ServerFailure) -> UpstreamResponse:
        """Return one failed step."""
        return steps_response([Step("connect", FAILED, UPSTREAM_ERROR, failure.sentence)])


def _as_response(body: Mapping[str, Any], *, succeeded: bool) -> UpstreamResponse:
    """Return a JSON response. The server's headers are dropped, because they contain the session id."""
    return UpstreamResponse(None, b"", (), write_json(body).encode(), True, succeeded=succeeded)
