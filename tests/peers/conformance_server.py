"""An MCP server with the tools that the conformance suite calls; Coffer offers them to the suite as its own.

Started as a process of its own (`python -m tests.peers.conformance_server`), it prints its port.
"""

import asyncio
import socket
import sys
from typing import Any

import uvicorn
from mcp.server.lowlevel import Server
from mcp_types import (
    AudioContent,
    CallToolRequestParams,
    CallToolResult,
    ContentBlock,
    ElicitRequest,
    ElicitRequestFormParams,
    EmbeddedResource,
    ImageContent,
    InputRequiredResult,
    ListToolsResult,
    TextContent,
    TextResourceContents,
    Tool,
)

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
SOUND = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
SECONDS = 1.0
"""How long the slow tool takes: long enough for Coffer to tell of it several times, with the interval of the test."""

NOTHING: dict[str, Any] = {"type": "object", "properties": {}}
SCHEMA_2020_12: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


def text(words: str) -> TextContent:
    return TextContent(type="text", text=words)


def resource(uri: str, media_type: str, words: str) -> EmbeddedResource:
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type=media_type, text=words))


SCHEMAS = {
    "json_schema_2020_12_tool": SCHEMA_2020_12,
    "test_header": {
        "type": "object",
        "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
        "required": ["region"],
    },
}
IMAGE = ImageContent(type="image", data=PIXEL, mime_type="image/png")
ANSWERS: dict[str, list[ContentBlock]] = {
    "test_simple_text": [text("This is a simple text response for testing.")],
    "test_image_content": [IMAGE],
    "test_audio_content": [AudioContent(type="audio", data=SOUND, mime_type="audio/wav")],
    "test_embedded_resource": [resource("test://embedded-resource", "text/plain", "This is an embedded resource.")],
    "test_multiple_content_types": [
        text("Multiple content types test:"),
        IMAGE,
        resource("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
    ],
    "test_tool_with_progress": [text("It took a while.")],
    "test_error_handling": [text("This tool intentionally returns an error for testing")],
    "test_logging_tool": [text("Said something in the log.")],
    "test_streaming_elicitation": [],
    "json_schema_2020_12_tool": [text("ok")],
    "test_header": [text("ok")],
}
TOOLS = [
    Tool(name=name, description=f"The conformance suite's {name}.", input_schema=SCHEMAS.get(name, NOTHING))
    for name in ANSWERS
]


async def list_tools(ctx: Any, params: Any) -> ListToolsResult:
    return ListToolsResult(tools=TOOLS)


async def call_tool(ctx: Any, params: CallToolRequestParams) -> CallToolResult | InputRequiredResult:
    if params.name == "test_streaming_elicitation":
        question = ElicitRequestFormParams(message="Your password?", requested_schema=NOTHING)
        return InputRequiredResult(input_requests={"password": ElicitRequest(params=question)})
    if params.name == "test_logging_tool":
        await ctx.session.send_log_message("info", "a line")
    if params.name == "test_tool_with_progress":
        await asyncio.sleep(SECONDS)
    return CallToolResult(content=ANSWERS[params.name], is_error=params.name == "test_error_handling")


def main() -> None:
    server = Server("Conformance fixtures", on_list_tools=list_tools, on_call_tool=call_tool)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(server.streamable_http_app(), log_level="error")
        sys.stdout.write(f"{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))


if __name__ == "__main__":
    main()
