"""An MCP server whose tools agents use; the credential goes with every request to it.

Owns: what the configuration may say, and which exchange each operation is. The protocol is
`integrations.mcp_client`.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field as Limits

from accounts.errors import FieldError
from integrations.exchange.exchange import Destination, Exchange
from integrations.exchange.messages import RequestTemplate
from integrations.kinds.base import NO_PARENTS, Kind, Operation, Parents, Slot
from integrations.kinds.config_fields import Entries, StrictConfig, base_url_problems, read_shape, template_of
from integrations.kinds.form_sections import Field, Section, Widget
from integrations.kinds.http_parts import entry_slots, header_problems, pairs, query_problems
from integrations.kinds.mcp_server.exchanges import CallTool, CheckTools, ListTools
from integrations.kinds.mcp_server.headers import is_own
from integrations.templating.placeholders import parse

LIST_TOOLS, CALL_TOOL = "list_tools", "call_tool"

_NO_PARAMETERS = {"type": "object", "properties": {}, "additionalProperties": False}
_ONE_CALL = {
    "type": "object",
    "properties": {
        "name": {
            "type": "string",
            "description": "The name of the tool, as list_tools gives it.",
            "minLength": 1,
            "maxLength": 256,
        },
        "arguments": {
            "type": "object",
            "description": "Its arguments, as its input schema describes them.",
            "default": {},
        },
    },
    "required": ["name"],
    "additionalProperties": False,
}


class McpServerConfig(StrictConfig):
    """Texts of headers and query may hold secrets; arguments belong to the tools."""

    url: Annotated[str, Limits(min_length=1, max_length=2048)]
    headers: Entries = Limits(default_factory=list)
    query: Entries = Limits(default_factory=list)
    timeout_seconds: Annotated[float, Limits(strict=True, ge=1, le=120, allow_inf_nan=False)] = 20


class McpServer(Kind[McpServerConfig]):
    """The kind `mcp_server`."""

    key: ClassVar[str] = "mcp_server"
    label: ClassVar[str] = "MCP server"
    plural: ClassVar[str] = "MCP servers"
    icon: ClassVar[str] = "server"
    about: ClassVar[str] = "MCP server. Agents get its tools; Coffer adds the credentials to each call."
    tools_operation: ClassVar[str] = LIST_TOOLS
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

    def read(self, raw: Mapping[str, Any]) -> McpServerConfig:
        """Known fields, right types. Raises Invalid."""
        return read_shape(McpServerConfig, raw)

    def problems(self, config: McpServerConfig) -> list[FieldError]:
        """What is wrong with each part."""
        return [
            *base_url_problems(config.url, "config.url"),
            *header_problems(config.headers),
            *query_problems(config.query),
            *_arguments(config),
            *_own_headers(config),
        ]

    def summary(self, config: McpServerConfig) -> str:
        """`mcp.example.com/mcp`."""
        return config.url.partition("://")[2].rstrip("/")

    def slots(self, config: McpServerConfig) -> list[Slot]:
        """`headers.NAME` and `query.NAME`."""
        return [*entry_slots("headers", config.headers), *entry_slots("query", config.query)]

    def destinations(self, config: McpServerConfig) -> list[Destination]:
        """The server."""
        return [Destination("config.url", config.url)]

    def operations(self, config: McpServerConfig) -> list[Operation]:  # noqa: ARG002 - every server has the same two
        """Listing the tools, and calling one."""
        return [
            Operation(LIST_TOOLS, "List the tools", _NO_PARAMETERS, read_only=True),
            Operation(CALL_TOOL, "Call a tool", _ONE_CALL, read_only=False),
        ]

    def plan(self, config: McpServerConfig, operation: str, parents: Parents = NO_PARENTS) -> Exchange:  # noqa: ARG002
        """The exchange of one of the two."""
        return CallTool(_request(config)) if operation == CALL_TOOL else ListTools(_request(config))

    def check(self, config: McpServerConfig, parents: Parents = NO_PARENTS) -> Exchange:  # noqa: ARG002
        """Listing the tools, which changes nothing."""
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


def _arguments(config: McpServerConfig) -> Iterator[FieldError]:
    for place, entries in (("headers", config.headers), ("query", config.query)):
        for index, entry in enumerate(entries):
            template = template_of(entry.value)
            if template and template.param_names:
                sentence = "An argument cannot go here: arguments go to the tools. Write the text out, or use a secret."
                yield FieldError(f"config.{place}[{index}].value", sentence)


def _own_headers(config: McpServerConfig) -> Iterator[FieldError]:
    for index, entry in enumerate(config.headers):
        if is_own(entry.name):
            yield FieldError(f"config.headers[{index}].name", "The protocol sets this header itself; remove it.")
