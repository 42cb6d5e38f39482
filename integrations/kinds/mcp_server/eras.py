"""Which era a server is of, and opening a session of it.

Owns: versions and their negotiation. What is known of a server is kept in memory between runs, and asked anew when it
turns out to be wrong.
"""

import re
from collections.abc import Mapping
from typing import Any

from integrations.exchange.exchange import Wire
from integrations.kinds.mcp_server.channel import Answer, Channel
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
"""Statuses that say nothing about the era: the answer to anything else would be the same."""

_SESSION = re.compile(r"[\x21-\x7e]{1,1024}")


async def connect(channel: Channel, wire: Wire, url: str, *, anew: bool) -> Session:
    """A session of the server's era.

    Args:
        url: what the server's era is remembered by.
        anew: forget what was known.

    Raises:
        ServerFailure, Stale, Refusal: as `Session.ask`.
    """
    place = f"the era of {url}"
    known = None if anew else wire.recall(place)
    if known == MODERN:
        return ModernSession(channel, is_assumed=True)
    if known is None and await _is_modern_server(channel):
        wire.remember(place, MODERN)
        return ModernSession(channel, is_assumed=False)
    try:
        session = await _legacy_session(channel, on_stream=known == STREAM)
    except ServerFailure as failure:
        raise Stale(failure) if known else failure from None
    wire.remember(place, session.kept_as)
    return session


async def _is_modern_server(channel: Channel) -> bool:
    """Ask `server/discover`, which changes nothing whatever the server makes of it.

    Raises:
        ServerFailure: the answer says nothing about the era, or the server speaks no version that is known here.
    """
    answer = await channel.ask("server/discover", {"_meta": META}, modern_headers("server/discover", {}))
    if answer.status in DECIDED:
        raise failure_of(answer, channel)
    versions = _versions(answer)
    if versions is None:
        return is_modern(answer)
    if MODERN in versions:
        return True
    if not versions & set(LEGACY):
        raise ServerFailure(f"{channel.host} speaks no version of MCP that Coffer knows.")
    return False


async def _legacy_session(channel: Channel, *, on_stream: bool) -> LegacySession | StreamSession:
    """A session by `initialize`; where nothing takes that, by the older transport ("Backward Compatibility").

    Raises:
        ServerFailure: neither gives one; told is what the newer transport said.
        Refusal: as `Session.ask`.
    """
    answer = Answer(NOT_FOUND, None) if on_stream else await channel.ask("initialize", INITIALIZE, [])
    if answer.status not in NO_ENDPOINT or answer.reply:
        return await _opened(channel, answer)
    session = StreamSession(channel)
    try:
        await session.open()
    except NoStreamError:
        raise failure_of(answer, channel) from None
    try:
        session.version = _agreed(await session.ask("initialize", INITIALIZE), channel)
        await session.begin()
    except BaseException:
        await session.close()
        raise
    return session


async def _opened(channel: Channel, answer: Answer) -> LegacySession:
    """The session that `initialize` opened."""
    result = result_of(answer, channel)
    if answer.session is not None and not _SESSION.fullmatch(answer.session):
        raise channel.unreadable()
    channel.hide(answer.session or "")
    session = LegacySession(channel, LEGACY[0], answer.session)
    try:
        session.version = _agreed(result, channel)
        await session.begin()
    except BaseException:
        await session.close()
        raise
    return session


def _agreed(result: Mapping[str, Any], channel: Channel) -> str:
    """The version that the server chose; raises ServerFailure for one that is not known here."""
    version = result.get("protocolVersion")
    if not isinstance(version, str) or version not in LEGACY:
        raise ServerFailure(f"{channel.host} speaks no version of MCP that Coffer knows.")
    return version


def _versions(answer: Answer) -> set[str] | None:
    """The versions that a server says it speaks; None where it does not say."""
    reply = answer.reply
    stated: object = None
    if reply and reply.result is not None:
        stated = reply.result.get("supportedVersions")
    elif reply and reply.error and reply.error_code == UNSUPPORTED_VERSION:
        data = reply.error.get("data")
        stated = data.get("supported") if isinstance(data, dict) else None
    return {version for version in stated if isinstance(version, str)} if isinstance(stated, list) else None
