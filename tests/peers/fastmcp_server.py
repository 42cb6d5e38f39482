"""An MCP server as people write it with FastMCP, mounted at `/mcp/`, so that Starlette redirects `/mcp` there.

`/mcp/` speaks every version of the SDK; `/old/` and `/streams/` do not know 2026-07-28, the second over HTTP+SSE. Tools
can close the stream of their call before they answer. Started as a process of its own, it prints its port.
"""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.streamable_http import EventMessage, EventStore
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount

MODERN = b"2026-07-28"


class Events(EventStore):
    """Keeps all events in memory."""

    def __init__(self) -> None:
        self._kept: list[tuple[str, Any]] = []

    async def store_event(self, stream_id: str, message: Any) -> str:
        self._kept.append((stream_id, message))
        return str(len(self._kept))

    async def replay_events_after(self, last_event_id: str, send_callback: Any) -> str | None:
        at = int(last_event_id)
        stream = self._kept[at - 1][0]
        for number, (owner, message) in enumerate(self._kept[at:], at + 1):
            if owner == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


class Older:
    """Refuses what only 2026-07-28 has."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        asked = dict(scope["headers"]).get(b"mcp-protocol-version") if scope["type"] == "http" else None
        app = Response("Bad Request: Unsupported protocol version", 400) if asked == MODERN else self._app
        await app(scope, receive, send)


def tools() -> MCPServer:
    server = MCPServer("Clinic tools")

    @server.tool()
    def price(amount: float) -> str:
        return f"{amount:.2f}"

    @server.tool()
    async def talk(times: int, ctx: Context) -> str:
        for number in range(times):
            await ctx.info(f"line {number}")
        return "said it all"

    @server.tool()
    async def come_back(ctx: Context) -> str:
        await ctx.close_sse_stream()
        await asyncio.sleep(0.2)
        return "welcome back"

    return server


def application() -> Starlette:
    every, old = tools(), tools()
    mounts = {
        "/mcp": every.streamable_http_app(streamable_http_path="/"),
        "/old": Older(old.streamable_http_app(streamable_http_path="/", event_store=Events(), retry_interval=100)),
        "/streams": Older(tools().sse_app(sse_path="/")),
    }

    @contextlib.asynccontextmanager
    async def running(_: Starlette) -> AsyncIterator[None]:
        async with every.session_manager.run(), old.session_manager.run():
            yield

    return Starlette(routes=[Mount(path, app) for path, app in mounts.items()], lifespan=running)


def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(application(), log_level="error")
        sys.stdout.write(f"{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))


if __name__ == "__main__":
    main()
