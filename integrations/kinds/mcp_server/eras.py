"""Detecting the protocol era of a server, and opening a session.

The era of a server is remembered between runs, in memory, and detected again when it turns out to be wrong.
"""

import re
from collections.abc import Mapping
from typing import Any

from integrations.exchange.exchange import Channel
from integrations.kinds.mcp_server.client import McpClient, McpResponse
from integrations.kinds.mcp_server.failures import ServerFailure, Stale, failure_of
from integrations.kinds.mcp_server.messages import UNSUPPORTED_VERSION
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

INITIALIZE = {"protocolVersion": LEGACY[0], "capabilities": {}, "clientInfo": CLIENT}
DECIDED = frozenset({301, 302, 303, 307, 308, 401, 403, 407, 429})
"""Statuses that do not depend on the era: any other request would get the same status."""
UNDECIDED = frozenset({401, 403})
"""Statuses after which `initialize` decides, if a credential is sent: some servers refuse unknown methods so."""

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
    """Send `server/discover`, which changes nothing at a server of either era.

    Raises:
        ServerFailure: the response does not reveal the era, or the server supports no known version.
    """
    response = await client.request("server/discover", {"_meta": META}, modern_headers("server/discover", {}))
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
    response = McpResponse(NOT_FOUND, None) if on_stream else await client.request("initialize", INITIALIZE, [])
    if response.status not in NO_ENDPOINT or response.reply:
        return await _opened(client, response)
    session = StreamSession(client)
    try:
        await session.open()
    except NoStreamError:
        raise failure_of(response, client) from None
    try:
        session.version = _negotiated(await session.request("initialize", INITIALIZE), client)
        await session.begin()
    except BaseException:
        await session.close()
        raise
    return session


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
    """Return the version that the server chose.

    Raises:
        ServerFailure: the version is unknown.
    """
    version = result.get("protocolVersion")
    if not isinstance(version, str) or version not in LEGACY:
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
