"""From a host name to a connection with an address that was judged.

Owns: one lookup for one call, the judgement of every answer, and the same judgement again where the socket is made and
once it is connected (docs/security-rules.md, "Connections"). The HTTP client takes its connections from here and
nowhere else; what may be dialled is `egress.py`.
"""

import asyncio
import socket
from functools import partial
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from integrations.egress.lookups import Lookup
from integrations.egress.policy import EgressPolicy, judge_addresses
from integrations.errors import UpstreamUnreachable
from integrations.transport.reception_limits import BoundedHandler


class JudgedResolver(AbstractResolver):
    """Resolves the host of one URL; refuses all answers when one of them is refused."""

    def __init__(self, url: URL, policy: EgressPolicy, lookup: Lookup) -> None:
        self._url, self._policy, self._lookup = url, policy, lookup

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - the client's signature; both are asked for
    ) -> list[ResolveResult]:
        """The addresses to dial. Raises EgressDenied or UpstreamUnreachable."""
        try:
            addresses = await self._lookup(host, port)
        except (OSError, UnicodeError):
            raise UpstreamUnreachable(f"The name {host} could not be resolved.") from None
        judge_addresses(self._url, addresses, self._policy)
        return [_resolved(host, address, port) for address in addresses]

    async def close(self) -> None:
        """Nothing is held open."""


class JudgedConnector(aiohttp.TCPConnector):
    """Connections to the origin of one URL, to judged addresses only; whoever makes it says whether they are kept."""

    def __init__(self, url: URL, policy: EgressPolicy, lookup: Lookup, **options: Any) -> None:
        self._judged_url, self._policy = url, policy
        resolver = JudgedResolver(url, policy, lookup)
        super().__init__(resolver=resolver, socket_factory=self._judged_socket, use_dns_cache=False, **options)
        reading: type[ResponseHandler] = BoundedHandler
        self._factory = partial(reading, loop=self._loop)

    async def connect(self, *args: Any, **kwargs: Any) -> aiohttp.connector.Connection:
        """A connection whose other end was judged once more, by what the kernel says it is.

        One that was kept, and on which something came that nobody asked for, is not used: it would be the answer.
        """
        connection = await super().connect(*args, **kwargs)
        while connection.protocol is not None and connection.protocol.should_close:
            connection.close()
            connection = await super().connect(*args, **kwargs)
        try:
            self._judge_peer(connection.transport)
        except BaseException:
            connection.close()
            raise
        return connection

    def _judged_socket(self, info: Any) -> socket.socket:
        """The client skips its resolver for addresses written as numbers, so the address is judged here as well."""
        family, kind, protocol, _, address = info
        judge_addresses(self._judged_url, [address[0]], self._policy)
        return socket.socket(family, kind, protocol)

    def _judge_peer(self, transport: asyncio.Transport | None) -> None:
        peer = transport.get_extra_info("peername") if transport else None
        if not peer:
            raise UpstreamUnreachable("The connection was closed before the call was sent.")
        judge_addresses(self._judged_url, [peer[0]], self._policy)


def _resolved(host: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=0,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
