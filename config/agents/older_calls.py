"""Calls of the older era without the SDK's transport, which would make streams and tasks for each of them."""

from dataclasses import dataclass, field
from typing import Any

import anyio
from mcp.server.connection import Connection
from mcp.server.lowlevel import Server
from mcp.server.runner import modern_error_data, serve_one
from mcp.server.streamable_http import check_accept_headers
from mcp.shared.exceptions import NoBackChannelError
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER
from mcp.shared.message import ServerMessageMetadata
from mcp.shared.transport_context import TransportContext
from mcp_types import DEFAULT_NEGOTIATED_VERSION, JSONRPCError, JSONRPCResponse
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.requests import Request

from config.agents.arrivals import CALL
from config.agents.callers import Caller
from config.http.requests import Send


@dataclass
class _NoChannel:
    """What the SDK knows of a message that is answered with JSON: nothing else can be sent to its client."""

    request_id: str | int
    message_metadata: ServerMessageMetadata
    transport: TransportContext = field(
        default_factory=lambda: TransportContext(kind="streamable-http", can_send_request=False)
    )
    can_send_request: bool = False
    cancel_requested: anyio.Event = field(default_factory=anyio.Event)

    async def send_raw_request(self, method: str, *_: Any) -> dict[str, Any]:
        raise NoBackChannelError(method)

    async def notify(self, *_: Any) -> None:
        """Tell nobody."""

    async def progress(self, *_: Any) -> None:
        """Tell nobody."""


def is_older_call(caller: Caller, request: Request) -> bool:
    """Return whether a message is a well-formed call of the older era whose sender reads JSON."""
    version = request.headers.get(MCP_PROTOCOL_VERSION_HEADER, DEFAULT_NEGOTIATED_VERSION)
    is_call = caller.method == CALL and caller.message.get("jsonrpc") == "2.0" and "id" in caller.message
    return is_call and version in HANDSHAKE_PROTOCOL_VERSIONS and check_accept_headers(request)[0]


async def answer_call(server: Server[Any], caller: Caller, request: Request, send: Send) -> None:
    """Answer a call with JSON."""
    version = request.headers.get(MCP_PROTOCOL_VERSION_HEADER, DEFAULT_NEGOTIATED_VERSION)
    request_id, params = caller.message["id"], caller.message.get("params")
    channel: Any = _NoChannel(request_id, ServerMessageMetadata(request_context=request))
    answer: JSONRPCResponse | JSONRPCError
    try:
        connection = Connection.from_envelope(version, None, None)
        result = await serve_one(server, channel, CALL, params, connection=connection, lifespan_state={})
        answer = JSONRPCResponse(jsonrpc="2.0", id=request_id, result=result)
    except Exception as fault:  # each becomes an error of the protocol, and shows nothing that is not meant for agents
        answer = JSONRPCError(jsonrpc="2.0", id=request_id, error=modern_error_data(fault))
    body = answer.model_dump_json(by_alias=True, exclude_unset=True).encode()
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
