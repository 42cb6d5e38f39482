"""The two eras of MCP: how each is told, opened, spoken and ended.

Owns: versions and their negotiation. What is known of a server's era is kept in memory between runs and asked anew
when it turns out to be wrong.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from integrations.conversations import Wire
from integrations.errors import ResponseUnreadable
from integrations.mcp_client.channel import Answer, Channel, Headers
from integrations.mcp_client.failures import ServerFailure, Stale, failure_of
from integrations.mcp_client.headers import (
    METHOD,
    NAME,
    PROTOCOL_VERSION,
    SESSION_ID,
    BadMarkError,
    header_text,
    marks,
    mirrored,
)
from integrations.mcp_client.messages import HEADER_MISMATCH, METHOD_NOT_FOUND, MODERN_ERRORS, UNSUPPORTED_VERSION
from secrets_app.plaintext import Plaintext
from secrets_app.values import MIN_LENGTH

MODERN = "2026-07-28"
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
CLIENT = {"name": "Coffer", "version": "1"}
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}

LIST_TOOLS, CALL_TOOL = "tools/list", "tools/call"
NOT_FOUND = 404
NO_ENDPOINT = frozenset({400, NOT_FOUND, 405})
DECIDED = frozenset({301, 302, 303, 307, 308, 401, 403, 407, 429})
"""Statuses that say nothing about the era: the answer to anything else would be the same."""

_SESSION = re.compile(r"[\x21-\x7e]{1,1024}")


class Session(ABC):
    """An open way to call a server."""

    version: str

    @abstractmethod
    async def ask(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """The result of one request.

        Raises:
            ServerFailure: the server answered otherwise.
            Stale: what was known of the server no longer holds; nothing was done.
            Refusal: those of the transport, and ResponseUnreadable.
        """

    async def close(self) -> None:  # noqa: B027 - not every era has something to end
        """End it."""

    def may_use(self, tool: Mapping[str, Any]) -> bool:  # noqa: ARG002 - every one, unless the era has rules
        """Whether the definition of a tool keeps the rules of the era."""
        return True


class ModernSession(Session):
    """2026-07-28: no session at all; every request says everything."""

    version = MODERN

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def ask(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """One request; a tool whose arguments the server wants to see in headers as well is looked up, once."""
        answer = await self._channel.ask(method, {**params, "_meta": META}, _modern_headers(method, params))
        if method == CALL_TOOL and answer.reply and answer.reply.error_code == HEADER_MISMATCH:
            headers = [*_modern_headers(method, params), *await self._mirrored(params)]
            answer = await self._channel.ask(method, {**params, "_meta": META}, headers)
        if answer.status in NO_ENDPOINT and not _is_modern(answer):
            raise _stale(answer, self._channel)
        return _result(answer, self._channel)

    def may_use(self, tool: Mapping[str, Any]) -> bool:
        """A tool whose marks break the rules is left out of the list ("Custom Headers from Tool Parameters")."""
        try:
            marks(tool.get("inputSchema"))
        except BadMarkError:
            return False
        return True

    async def _mirrored(self, params: Mapping[str, Any]) -> Headers:
        tools = (await self.ask(LIST_TOOLS, {})).get("tools")
        for tool in tools if isinstance(tools, list) else ():
            if isinstance(tool, dict) and tool.get("name") == params["name"] and self.may_use(tool):
                return mirrored(tool.get("inputSchema"), params["arguments"])
        return []


class LegacySession(Session):
    """2025-11-25 and before: what `initialize` opened. Its id is a credential: it is masked and stored nowhere."""

    def __init__(self, channel: Channel, version: str, session: str | None) -> None:
        self._channel, self.version, self._session = channel, version, session

    def __repr__(self) -> str:
        return f"<LegacySession {self.version}>"

    @property
    def _headers(self) -> Headers:
        own = [(SESSION_ID, self._session)] if self._session else []
        return [(PROTOCOL_VERSION, self.version), *own]

    async def begin(self) -> None:
        """Tell the server that the session is open.

        Raises:
            Refusal: those of the transport.
        """
        await self._channel.tell({"jsonrpc": "2.0", "method": "notifications/initialized"}, self._headers)

    async def ask(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """One request. A server that no longer knows the session is started with anew."""
        answer = await self._channel.ask(method, params, self._headers)
        if self._session and answer.status == NOT_FOUND:
            raise _stale(answer, self._channel)
        return _result(answer, self._channel)

    async def close(self) -> None:
        """DELETE it, where the server gave one."""
        if self._session:
            await self._channel.end(self._headers)


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
        return ModernSession(channel)
    if known is None and await _is_modern_server(channel):
        wire.remember(place, MODERN)
        return ModernSession(channel)
    try:
        session = await _initialize(channel)
    except ServerFailure as failure:
        raise Stale(failure) if known else failure from None
    wire.remember(place, session.version)
    return session


async def _is_modern_server(channel: Channel) -> bool:
    """Ask `server/discover`, which changes nothing whatever the server makes of it.

    Raises:
        ServerFailure: the answer says nothing about the era, or the server speaks no version that is known here.
    """
    answer = await channel.ask("server/discover", {"_meta": META}, _modern_headers("server/discover", {}))
    if answer.status in DECIDED:
        raise failure_of(answer, channel)
    versions = _versions(answer)
    if versions is None:
        return _is_modern(answer)
    if MODERN in versions:
        return True
    if not versions & set(LEGACY):
        raise ServerFailure(f"{channel.host} speaks no version of MCP that Coffer knows.")
    return False


async def _initialize(channel: Channel) -> LegacySession:
    params = {"protocolVersion": LEGACY[0], "capabilities": {}, "clientInfo": CLIENT}
    answer = await channel.ask("initialize", params, [])
    result = _result(answer, channel)
    if answer.session is not None and not _SESSION.fullmatch(answer.session):
        raise channel.unreadable()
    if answer.session and len(answer.session) >= MIN_LENGTH:
        channel.hide(Plaintext(answer.session))
    version = result.get("protocolVersion")
    known = version if version in LEGACY else LEGACY[0]
    session = LegacySession(channel, known, answer.session)
    if version not in LEGACY:
        await session.close()
        raise ServerFailure(f"{channel.host} speaks no version of MCP that Coffer knows.")
    await session.begin()
    return session


def _modern_headers(method: str, params: Mapping[str, Any]) -> list[tuple[str, str]]:
    named = [(NAME, header_text(params["name"]))] if method == CALL_TOOL else []
    return [(PROTOCOL_VERSION, MODERN), (METHOD, method), *named]


def _is_modern(answer: Answer) -> bool:
    """Whether an error is one that only servers of the modern era send ("Backward Compatibility")."""
    code = answer.reply.error_code if answer.reply else None
    return code in MODERN_ERRORS or (code == METHOD_NOT_FOUND and answer.status == NOT_FOUND)


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


def _stale(answer: Answer, channel: Channel) -> Stale | ResponseUnreadable:
    failure = failure_of(answer, channel)
    return Stale(failure) if isinstance(failure, ServerFailure) else failure


def _result(answer: Answer, channel: Channel) -> Mapping[str, Any]:
    if answer.is_rejected or answer.reply is None or answer.reply.result is None:
        raise failure_of(answer, channel)
    return answer.reply.result
