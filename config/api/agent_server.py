"""The MCP server behind `/mcp` (`config.api.agents`).

The official SDK implements the protocol. It gets one request at a time, without sessions, and responds with JSON. A
tool call is a run like any other: checked, recorded and masked by the broker.

The SDK would send the text of an exception to the agent, so only errors of the protocol reach the SDK. Its import takes
more than a second, which is why no URL leads here and commands do without it.
"""

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    AudioContent,
    CallToolRequestParams,
    CallToolResult,
    ImageContent,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)

from accounts.common.database import in_database
from accounts.common.outages import as_refusal
from accounts.common.paging import LARGEST_LIMIT
from accounts.errors import NotFound, Refusal
from config.api.agents import BODY, CALLER, Caller, servers
from config.http.errors import InternalError
from config.http.requests import read_json
from integrations.broker import broker
from integrations.broker.masking import BodyType
from integrations.broker.preparation import Call
from integrations.models import RunOutcome
from integrations.tools.agent_tools import ToolOffer, find_tool, page_of_tools

logger = logging.getLogger(__name__)

INSTRUCTIONS = "Each tool is a call that Coffer makes for you with credentials that you never see. Results are masked."
_SHOWN = ("run_id", "outcome", "status", "body", "body_type", "media_type", "masked", "withheld")


@asynccontextmanager
async def serving_agents() -> AsyncIterator[None]:
    """Serve `/mcp` while the block runs."""
    loop = asyncio.get_running_loop()
    server: Server[Any] = Server(
        "Coffer", instructions=INSTRUCTIONS, on_list_tools=_list_tools, on_call_tool=_call_tool
    )
    manager = StreamableHTTPSessionManager(server, json_response=True, stateless=True)
    async with manager.run():
        servers[loop] = manager.handle_request  # type: ignore[assignment] # its messages are mutable
        try:
            yield
        finally:
            del servers[loop]


def _caller_of(context: ServerRequestContext[Any, Any]) -> Caller:
    return context.request.scope[CALLER]  # type: ignore[union-attr]


async def _list_tools(
    context: ServerRequestContext[Any, Any], params: PaginatedRequestParams | None
) -> ListToolsResult:
    try:
        with _hidden_errors():
            return await _page_of_tools(_caller_of(context), params.cursor if params else None)
    except Refusal as refusal:
        code = INTERNAL_ERROR if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR else INVALID_PARAMS
        raise MCPError(code, refusal.detail) from None


async def _page_of_tools(caller: Caller, cursor: str | None) -> ListToolsResult:
    page = await in_database(page_of_tools, caller.actor, caller.environment, cursor or "", LARGEST_LIMIT)
    return ListToolsResult(tools=[_shown(tool) for tool in page.items], next_cursor=page.next_cursor)


def _shown(tool: ToolOffer) -> Tool:
    return Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=dict(tool.parameters),
        annotations=ToolAnnotations(read_only_hint=tool.hints.read_only),
    )


async def _call_tool(context: ServerRequestContext[Any, Any], params: CallToolRequestParams) -> CallToolResult:
    try:
        with _hidden_errors():
            return await _run(_caller_of(context), params.name, _arguments(context))
    except Refusal as refusal:
        return _text_result(_refused(refusal), is_error=True)


def _arguments(context: ServerRequestContext[Any, Any]) -> dict[str, Any]:
    """Return the arguments of a call with numbers as written, which the SDK's own parser rounds.

    Raises:
        InvalidJson: an object has the same name twice.
    """
    message: dict[str, Any] = read_json(context.request.scope[BODY])  # type: ignore[union-attr]
    return message["params"].get("arguments") or {}


async def _run(caller: Caller, name: str, arguments: dict[str, Any]) -> CallToolResult:
    try:
        tool = await in_database(find_tool, caller.actor, name)
    except NotFound as refusal:
        return _text_result(refusal.detail, is_error=True)
    if tool.remote_name:
        arguments = {"name": tool.remote_name, "arguments": arguments}
    call = Call(tool.integration_id, caller.environment, tool.operation, arguments)
    result = await broker.run(caller.actor, call)
    answer = result.as_json()
    shown = {name: answer[name] for name in _SHOWN}
    media = _media(answer)
    if media:
        shown["body"] = None
    text = TextContent(type="text", text=result.text_of(shown, is_ascii=False))
    return CallToolResult(content=[text, *media], is_error=result.outcome is not RunOutcome.SUCCEEDED)


def _media(answer: dict[str, Any]) -> list[ImageContent | AudioContent]:
    """Return an image or a sound as content of its own, which agents see and hear instead of reading its base64."""
    media_type = answer["media_type"] or ""
    if answer["body_type"] == BodyType.BASE64 and answer["body"]:
        if media_type.startswith("image/"):
            return [ImageContent(type="image", data=answer["body"], mime_type=media_type)]
        if media_type.startswith("audio/"):
            return [AudioContent(type="audio", data=answer["body"], mime_type=media_type)]
    return []


@contextmanager
def _hidden_errors() -> Iterator[None]:
    """Keep the text of an unexpected exception from the agent and the log, because it may contain a value.

    The log gets the traceback without the text.

    Raises:
        InternalError, DatabaseUnavailable: replaces the exception. Refusals pass.
    """
    try:
        yield
    except Exception as fault:  # the SDK would send the text of any exception
        if isinstance(refusal := as_refusal(fault), Refusal):
            raise refusal from None
        place = "".join(traceback.format_tb(fault.__traceback__))
        logger.error("%s while answering an agent\n%s", type(fault).__name__, place)  # noqa: TRY400 - without the text
        raise InternalError from None


def _refused(refusal: Refusal) -> str:
    """Return the code, the sentence and the invalid arguments as text, never a value."""
    lines = [f"{refusal.code}: {refusal.detail}", *(f"{error.field}: {error.message}" for error in refusal.errors)]
    return "\n".join([*lines, *(f"{name}: {value}" for name, value in refusal.members.items())])


def _text_result(text: str, *, is_error: bool) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=is_error)
