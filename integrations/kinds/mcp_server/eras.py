"""Detecting the protocol era of a server, and opening a session.

The era of a server is remembered between runs, in memory, and detected again when it turns out to be wrong.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from integrations.exchange.channels import Channel
from integrations.kinds.mcp_server.client import NO_RESPONSE, McpClient
from integrations.kinds.mcp_server.failures import ServerFailure, Stale, failure_of
from integrations.kinds.mcp_server.messages import UNSUPPORTED_VERSION
from integrations.kinds.mcp_server.replies import McpResponse
from integrations.kinds.mcp_server.sessions import (
    CLIENT,
    LEGACY,
    META,
    MODERN,
    NO_ENDPOINT,
    NOT_FOUND,
    LegacySession,
    ModernSession,
    Session,
    is_modern,
    modern_headers,
    result_of,
)
from integrations.kinds.mcp_server.streams import STREAM, NoStreamError, StreamSession
from integrations.templating.json_body import write_json

DECIDED = frozenset({301, 302, 303, 307, 308, 401, 403, 407, 429})
"""Statuses that do not depend on the era: any other request would get the same status."""
UNDECIDED = frozenset({401, 403})
"""Statuses after which `initialize` decides, if a credential is sent: some servers refuse unknown methods so."""

DISCOVER, INITIALIZE = "server/discover", "initialize"
PATIENCE = 0.5
"""The share of the time of a run that a server gets to answer `DISCOVER`."""

_VERSION, _ABOUT_VERSION = re.compile(r"\b20\d\d-\d\d-\d\d\b"), re.compile(r"protocol[ _-]?version", re.IGNORECASE)
_SESSION = re.compile(r"[\x21-\x7e]{1,1024}")


async def connect(client: McpClient, channel: Channel, url: str, *, rediscover: bool) -> Session:
    """Open a session in the server's era.

    Args:
        url: the configured URL; the era is remembered under it.
        rediscover: detect the era even if it is remembered.

    Raises:
        ServerFailure, Stale, Refusal: as `Session.request`.
    """
    fact = f"the era of {url}"
    known = None if rediscover else channel.recall(fact)
    if known == MODERN:
        return ModernSession(client, is_assumed=True)
    if known is None and await _is_modern_server(client):
        channel.remember(fact, MODERN)
        return ModernSession(client, is_assumed=False)
    try:
        session = await _legacy_session(client, on_stream=known == STREAM)
    except ServerFailure as failure:
        raise Stale(failure) if known else failure from None
    channel.remember(fact, session.remembered_as)
    return session


async def _is_modern_server(client: McpClient) -> bool:
    """Send `DISCOVER`, which changes nothing at a server of either era.

    Raises:
        ServerFailure: the response does not reveal the era, or the server supports no known version.
    """
    try:
        async with asyncio.timeout(client.left() * PATIENCE):
            response = await client.request(DISCOVER, {"_meta": META}, modern_headers(DISCOVER, {}))
    except (TimeoutError, *NO_RESPONSE):  # some servers do not answer what they do not know; `initialize` decides
        return False
    if response.status in (DECIDED - UNDECIDED if client.sends_more else DECIDED):
        raise failure_of(response, client)
    versions = _versions(response)
    if versions is None:
        return is_modern(response)
    if MODERN in versions:
        return True
    if not versions & set(LEGACY):
        raise ServerFailure(f"{client.host} supports no version of MCP that Coffer knows.")
    return False


async def _legacy_session(client: McpClient, *, on_stream: bool) -> LegacySession | StreamSession:
    """Open a session with `initialize`, or over the older transport ("Backward Compatibility").

    Raises:
        ServerFailure: both failed; the error is the response to `initialize`.
        Refusal: as `Session.request`.
    """

    async def ask(params: Mapping[str, Any]) -> McpResponse:
        return await client.request(INITIALIZE, params, [])

    response = McpResponse(NOT_FOUND, None) if on_stream else await _initialized(ask)
    if response.status not in NO_ENDPOINT or response.reply:
        return await _opened(client, response)
    session = StreamSession(client)
    try:
        await session.open()
    except NoStreamError:
        raise failure_of(response, client) from None
    try:
        response = await _initialized(partial(session.ask, INITIALIZE))
        session.version = _negotiated(result_of(response, client), client)
        await session.begin()
    except BaseException:
        await session.close()
        raise
    return session


async def _initialized(ask: Callable[[Mapping[str, Any]], Awaitable[McpResponse]]) -> McpResponse:
    """Send `initialize`, again with an older version where the server refuses the newest; return the last response."""
    version: str | None = LEGACY[0]
    untried = list(LEGACY)
    while version:
        untried.remove(version)
        response = await ask({"protocolVersion": version, "capabilities": {}, "clientInfo": CLIENT})
        version = _other_version(response, untried)
    return response


def _other_version(response: McpResponse, untried: list[str]) -> str | None:
    """Return the version to try after a refused `initialize`: the newest that the refusal names and Coffer knows.

    If the refusal speaks of the protocol version and names no other, it is the next older one.
    """
    error = response.reply.error if response.reply else None
    if response.status in DECIDED or not (response.is_rejected or error):
        return None
    said = f"{response.text} {write_json(error)}"
    tried = set(LEGACY) - set(untried)
    named = set(_VERSION.findall(said)) - tried
    if named:
        return next((version for version in untried if version in named), None)
    return next(iter(untried), None) if _ABOUT_VERSION.search(said) else None


async def _opened(client: McpClient, response: McpResponse) -> LegacySession:
    """Return the session that `initialize` opened."""
    result = result_of(response, client)
    if response.session is not None and not _SESSION.fullmatch(response.session):
        raise client.unreadable()
    client.hide(response.session or "")
    session = LegacySession(client, LEGACY[0], response.session)
    try:
        session.version = _negotiated(result, client)
        await session.begin()
    except BaseException:
        await session.close()
        raise
    return session


def _negotiated(result: Mapping[str, Any], client: McpClient) -> str:
    """Return the version that the server chose; one between those that Coffer knows differs in nothing that it uses.

    Raises:
        ServerFailure: the version is unknown.
    """
    version = result.get("protocolVersion")
    if not isinstance(version, str) or not _VERSION.fullmatch(version) or version >= MODERN:
        raise ServerFailure(f"{client.host} supports no version of MCP that Coffer knows.")
    return version


def _versions(response: McpResponse) -> set[str] | None:
    """Return the versions that a server supports, as far as the response states them; None otherwise."""
    reply = response.reply
    stated: object = None
    if reply and reply.result is not None:
        stated = reply.result.get("supportedVersions")
    elif reply and reply.error and reply.error_code == UNSUPPORTED_VERSION:
        data = reply.error.get("data")
        stated = data.get("supported") if isinstance(data, dict) else None
    return {version for version in stated if isinstance(version, str)} if isinstance(stated, list) else None
