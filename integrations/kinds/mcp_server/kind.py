"""The kind `mcp_server`: an MCP server whose tools agents use; every request to it carries the credential."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import Field as Limits
from typing_extensions import override

from accounts.errors import FieldError
from integrations.exchange.exchange import Destination, Exchange
from integrations.exchange.messages import RequestTemplate
from integrations.kinds.base import NO_PARENTS, Kind, Operation, Parents, Slot
from integrations.kinds.config_fields import Entries, StrictConfig, base_url_problems
from integrations.kinds.form_sections import Field, Section, Widget
from integrations.kinds.http_parts import argument_problems, entry_slots, header_problems, pairs, query_problems
from integrations.kinds.mcp_server.exchanges import CallTool, CheckTools, ListTools
from integrations.kinds.mcp_server.headers import is_own
from integrations.templating.placeholders import parse

LIST_TOOLS, CALL_TOOL = "list_tools", "call_tool"

_NO_ARGUMENTS = "Arguments belong to the tools and cannot be used here. Write the text out, or use a secret."
_NO_PARAMETERS = {"type": "object", "properties": {}, "additionalProperties": False}
_CALL_PARAMETERS = {
    "type": "object",
    "properties": {
        "name": {
            "type": "string",
            "description": "The name of the tool, as returned by list_tools.",
            "minLength": 1,
            "maxLength": 256,
        },
        "arguments": {
            "type": "object",
            "description": "The arguments, as described by the tool's input schema.",
            "default": {},
        },
    },
    "required": ["name"],
    "additionalProperties": False,
}


class McpServerConfig(StrictConfig):
    """The configuration. Headers and query parameters may hold secrets; arguments go to the tools."""

    url: Annotated[str, Limits(min_length=1, max_length=2048)]
    headers: Entries = Limits(default_factory=list)
    query: Entries = Limits(default_factory=list)
    timeout_seconds: Annotated[float, Limits(strict=True, ge=1, le=120, allow_inf_nan=False)] = 20


class McpServer(Kind[McpServerConfig]):
    """The kind `mcp_server`."""

    shape: ClassVar[type[Any]] = McpServerConfig
    key: ClassVar[str] = "mcp_server"
    label: ClassVar[str] = "MCP server"
    plural: ClassVar[str] = "MCP servers"
    icon: ClassVar[str] = "server"
    about: ClassVar[str] = "MCP server. Agents get its tools; Coffer adds the credentials to each call."
    tools_operation: ClassVar[str] = LIST_TOOLS
    calling_operation: ClassVar[str] = CALL_TOOL
    sections: ClassVar[tuple[Section, ...]] = (
        Section(
            "Server",
            (
                Field(
                    "url",
                    "URL",
                    hint="The URL cannot hold a secret. Use a header or a query parameter.",
                    placeholder="https://mcp.example.com/mcp",
                ),
                Field(
                    "timeout_seconds",
                    "Time limit in seconds",
                    Widget.NUMBER,
                    hint="From 1 to 120, for a whole run.",
                    default=20,
                ),
            ),
        ),
        Section("Headers", (Field("headers", "Headers", Widget.PAIRS, default=()),)),
        Section(
            "Query parameters",
            (Field("query", "Query parameters", Widget.PAIRS, default=()),),
            note="A query parameter can end up in the logs of the server. Use a header where the server takes one.",
        ),
    )

    def problems(self, config: McpServerConfig) -> list[FieldError]:
        """Return what is wrong with each part."""
        return [
            *base_url_problems(config.url, "config.url"),
            *header_problems(config.headers),
            *query_problems(config.query),
            *argument_problems(config.headers, config.query, _NO_ARGUMENTS),
            *_own_headers(config),
        ]

    def summary(self, config: McpServerConfig) -> str:
        """Return the URL without scheme: `mcp.example.com/mcp`."""
        return config.url.partition("://")[2].rstrip("/")

    def slots(self, config: McpServerConfig) -> list[Slot]:
        """Return the slots `headers.NAME` and `query.NAME`."""
        return [*entry_slots("headers", config.headers), *entry_slots("query", config.query)]

    def destinations(self, config: McpServerConfig) -> list[Destination]:
        """Return the URL of the server."""
        return [Destination("config.url", config.url)]

    @override
    def operations(self, config: McpServerConfig) -> list[Operation]:
        """Return the operations `list_tools` and `call_tool`, which every server has."""
        return [
            Operation(LIST_TOOLS, "List the tools", _NO_PARAMETERS, read_only=True),
            Operation(CALL_TOOL, "Call a tool", _CALL_PARAMETERS, read_only=False),
        ]

    @override
    def plan(self, config: McpServerConfig, operation: str, parents: Parents = NO_PARENTS) -> Exchange:
        """Return the exchange that lists the tools or calls a tool."""
        return CallTool(_request(config)) if operation == CALL_TOOL else ListTools(_request(config))

    @override
    def check(self, config: McpServerConfig, parents: Parents = NO_PARENTS) -> Exchange:
        """Return the exchange that lists the tools, which changes nothing."""
        return CheckTools(_request(config))


def _request(config: McpServerConfig) -> RequestTemplate:
    return RequestTemplate(
        method="POST",
        base_url=config.url,
        path=parse(""),
        query=pairs(config.query),
        headers=pairs(config.headers),
        timeout_seconds=config.timeout_seconds,
    )


def _own_headers(config: McpServerConfig) -> Iterator[FieldError]:
    for index, entry in enumerate(config.headers):
        if is_own(entry.name):
            yield FieldError(f"config.headers[{index}].name", "The protocol sets this header itself; remove it.")
