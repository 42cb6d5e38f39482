"""The MCP server behind `/mcp` (`config.api.agents`).

The official SDK implements the protocol. It gets one request at a time, without sessions, and responds with JSON, or
with an event stream where the agent wants to be told of progress. A tool call is a run like any other: checked,
recorded and masked by the broker.

The SDK would send the text of an exception to the agent, so only errors of the protocol reach the SDK. Its import takes
more than a second, which is why no URL leads here and commands do without it.
"""

import asyncio
import logging
import tomllib
import traceback
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from functools import partial
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from django.conf import settings
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    URL_ELICITATION_REQUIRED,
    CallToolRequestParams,
    CallToolResult,
    ElicitRequest,
    ElicitRequestURLParams,
    Icon,
    InputRequiredResult,
    ListToolsResult,
    PaginatedRequestParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from starlette.requests import Request

from accounts.common.database import in_database
from accounts.common.outages import as_refusal
from accounts.common.paging import LARGEST_LIMIT
from accounts.errors import NotFound, Refusal
from config.agents import reasons
from config.agents.callers import CALLER, Caller
from config.agents.calls import CallCancelled, finished
from config.agents.guidance import guidance
from config.agents.listening import ToolWatch
from config.agents.older_calls import answer_call, is_older_call
from config.agents.progress import Progress
from config.agents.results import enveloped, passed_through, refused
from config.agents.shown_tools import shown
from config.api.agents import Serving, servers
from config.http.errors import InternalError
from integrations.broker import broker
from integrations.broker.preparation import Call
from integrations.holding.calls import Wish
from integrations.tools.agent_tools import NO_SUCH_TOOL, ToolOffer
from integrations.tools.tool_pages import TOOL_PAGES

logger = logging.getLogger(__name__)

Context = ServerRequestContext[Any, Any]

_CALLED: ContextVar[ToolOffer | Refusal] = ContextVar("coffer.called_tool")
"""The tool that the message calls, or why there is none."""

LIST_FRESH_MS = 60_000
"""How long an agent may use a list of tools without asking again (2026-07-28, "Caching")."""

REQUEST_CANCELLED = -32800
"""What the SDK answers a cancelled request with, because the older revisions end a request only with a response."""

INSTRUCTIONS = (
    "Each tool is a call that Coffer makes for you with credentials that you never see. Results are masked. A refused "
    "call has a code and says what you can do, or which page a person has to open; never ask for a credential yourself."
)


@asynccontextmanager
async def serving_agents() -> AsyncIterator[None]:
    """Serve `/mcp` while the block runs."""
    loop, server = asyncio.get_running_loop(), _server()
    plain = StreamableHTTPSessionManager(server, json_response=True, stateless=True)
    streaming = StreamableHTTPSessionManager(server, json_response=False, stateless=True)
    async with plain.run(), streaming.run():
        servers[loop] = Serving(partial(_serve_plainly, plain), partial(_serve, streaming))
        try:
            yield
        finally:
            del servers[loop]


def _server() -> Server[Any]:
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]
    picture = b64encode((settings.BASE_DIR / "static/favicon.svg").read_bytes()).decode()
    server: Server[Any] = Server(
        "Coffer",
        version=project["version"],
        title="Coffer",
        description="A credential broker: calls are made with credentials that agents never see.",
        instructions=INSTRUCTIONS,
        website_url=settings.SITE_URL,
        icons=[Icon(src=f"data:image/svg+xml;base64,{picture}", mime_type="image/svg+xml", sizes=["any"])],
        cache_hints={"tools/list": CacheHint(ttl_ms=LIST_FRESH_MS, scope="private")},
        get_tool_input_schema=_input_schema,
        on_list_tools=_list_tools,
        on_call_tool=_call_tool,
        on_subscriptions_listen=partial(_listen, ToolWatch()),
    )
    server.middleware.clear()  # a trace of the SDK would hold what agents send as a method or a name
    return server


async def _serve(manager: StreamableHTTPSessionManager, scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Handle a message. The SDK compares its headers with the schema of the tool that it calls."""
    caller: Caller = scope[CALLER]
    _CALLED.set(caller.tool or NotFound(NO_SUCH_TOOL))
    await manager.handle_request(scope, receive, send)


async def _serve_plainly(manager: StreamableHTTPSessionManager, scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Do the same for a message that is answered with JSON."""
    caller, request = scope[CALLER], Request(scope)
    if is_older_call(caller, request):
        _CALLED.set(caller.tool or NotFound(NO_SUCH_TOOL))
        await answer_call(manager.app, caller, request, send)
    else:
        await _serve(manager, scope, receive, send)


def _input_schema(_name: str) -> Mapping[str, Any] | None:
    called = _CALLED.get()
    return called.parameters if isinstance(called, ToolOffer) else None


def _caller_of(context: Context) -> Caller:
    caller: Caller = context.request.scope[CALLER]  # type: ignore[union-attr]
    return caller


async def _listen(
    watch: ToolWatch, context: Context, params: SubscriptionsListenRequestParams
) -> SubscriptionsListenResult:
    try:
        with _hidden_errors():
            return await watch.listen(_caller_of(context).actor, context, params)
    except Refusal as refusal:
        raise _as_error(refusal) from None


async def _list_tools(context: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
    try:
        with _hidden_errors():
            return await _page_of_tools(_caller_of(context), params.cursor if params else None)
    except Refusal as refusal:
        raise _as_error(refusal) from None


async def _page_of_tools(caller: Caller, cursor: str | None) -> ListToolsResult:
    page = await in_database(TOOL_PAGES.get, caller.actor, caller.environment, cursor or "", LARGEST_LIMIT)
    return ListToolsResult(
        tools=[shown(tool, caller.actor.organization) for tool in page.items], next_cursor=page.next_cursor
    )


async def _call_tool(context: Context, params: CallToolRequestParams) -> CallToolResult | InputRequiredResult:
    """Run a tool. An unknown one is an error of the protocol in every revision of MCP."""
    tool = _CALLED.get()
    if not isinstance(tool, ToolOffer):
        raise _as_error(tool)
    try:
        with _hidden_errors():
            return await _run(context, tool)
    except CallCancelled:
        raise MCPError(REQUEST_CANCELLED, "The call was cancelled.") from None
    except Refusal as refusal:
        return _refused(context, params, tool, refusal)


async def _run(context: Context, tool: ToolOffer) -> CallToolResult:
    """Run the tool. Numbers among the arguments are as written, which the SDK's own parser rounds."""
    caller = _caller_of(context)
    arguments, reason = reasons.split(caller.message["params"], tool)
    if tool.remote_name:
        arguments = {"name": tool.remote_name, "arguments": arguments}
    call = Call(tool.integration_id, caller.environment, tool.operation, arguments, wish=Wish(reason))
    is_told = bool(context.meta and context.meta.get("progress_token") is not None)
    progress = Progress(context.session.report_progress, tool.title) if is_told else None
    work = broker.run(caller.actor, call, progress.text if progress else None)
    result = await finished(work, caller.call_id, progress.time if progress else None)
    return passed_through(result, tool) if tool.remote_name else enveloped(result, tool)


def _refused(
    context: Context, params: CallToolRequestParams, tool: ToolOffer, refusal: Refusal
) -> CallToolResult | InputRequiredResult:
    """Return a refusal, or ask the client to open the page for a person, where it can and has not been asked yet.

    Raises:
        MCPError: asks the client, in the older revisions.
    """
    caller = _caller_of(context)
    what_to_do = guidance(refusal, caller.actor.organization, tool.integration_id)
    if not what_to_do.page or params.input_responses is not None or not _opens_pages(context):
        return refused(refusal, what_to_do, is_structured=tool.output_schema is None)
    asked = ElicitRequestURLParams(message=f"{tool.title}: {refusal.detail}", url=what_to_do.page)
    if context.protocol_version in MODERN_PROTOCOL_VERSIONS:
        return InputRequiredResult(input_requests={"page": ElicitRequest(params=asked)})
    asked.elicitation_id = uuid4().hex
    shown = asked.model_dump(by_alias=True, exclude_none=True)
    raise MCPError(
        URL_ELICITATION_REQUIRED,
        f"{refusal.code}: {refusal.detail} {what_to_do.sentence}",
        {"elicitations": [shown], "code": refusal.code, **refusal.members},
    )


def _opens_pages(context: Context) -> bool:
    """Return whether the client has said that it can open a page for a person ("URL mode elicitation")."""
    declared = context.session.client_capabilities
    if declared is None:
        return _caller_of(context).opens_pages
    return declared.elicitation is not None and declared.elicitation.url is not None


@contextmanager
def _hidden_errors() -> Iterator[None]:
    """Keep the text of an unexpected exception from the agent and the log, because it may contain a value.

    The log gets the traceback without the text.

    Raises:
        InternalError, DatabaseUnavailable: replaces the exception. Refusals pass, and so does a cancellation.
    """
    try:
        yield
    except CallCancelled:
        raise
    except Exception as fault:  # the SDK would send the text of any exception
        if isinstance(refusal := as_refusal(fault), Refusal):
            raise refusal from None
        place = "".join(traceback.format_tb(fault.__traceback__))
        logger.error("%s while answering an agent\n%s", type(fault).__name__, place)  # noqa: TRY400 - without the text
        raise InternalError from None


def _as_error(refusal: Refusal) -> MCPError:
    """Return a refusal as an error of the protocol."""
    code = INTERNAL_ERROR if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR else INVALID_PARAMS
    return MCPError(code, refusal.detail, {"code": refusal.code, **refusal.members})
