"""Agents that speak to `/mcp` with the official SDK's client, in this process."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
from asgiref.sync import async_to_sync
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from config.asgi import application
from integrations.exchange.offered_tools import read_tools
from integrations.models import AgentTool, Integration, RemoteTool
from tests.support.api.asgi import served

ERAS = ["2026-07-28", "legacy"]


def speak(key: str, exchange: Callable[[Client], Awaitable[Any]], *, era: str = ERAS[0], **options: Any) -> Any:
    """What an exchange with `/mcp` gives: an asynchronous function of the SDK's client."""

    async def held():
        transport = httpx2.ASGITransport(app=application)
        headers = {"Authorization": f"Bearer {key}"}
        async with (
            served(application),
            httpx2.AsyncClient(transport=transport, headers=headers, base_url="http://localhost") as client,
            Client(streamable_http_client("http://localhost/mcp", http_client=client), mode=era, **options) as session,
        ):
            return await exchange(session)

    return async_to_sync(held)()


def call(name: str, arguments: dict[str, Any] | None = None) -> Callable[[Client], Awaitable[Any]]:
    """An exchange that calls one tool."""

    async def exchange(session):
        return await session.call_tool(name, arguments or {})

    return exchange


def approved_tool(integration: Integration, definition: dict[str, Any], name: str = "") -> AgentTool:
    """A tool of an MCP server as agents have it once a listing showed it and a person approved it."""
    (offered,) = read_tools({"tools": [definition]})
    remote = RemoteTool.objects.create(
        integration=integration,
        name=offered.name,
        shown_definition=offered.definition,
        shown_fingerprint=offered.fingerprint,
        approved_definition=offered.definition,
        approved_fingerprint=offered.fingerprint,
    )
    return AgentTool.objects.create(
        organization=integration.organization,
        integration=integration,
        operation="call_tool",
        remote=remote,
        name=name or offered.name,
    )
