"""Opening a socket to one judged address, for what does not go through the HTTP client.

The name is resolved once and all its addresses are judged; the peer is judged again as the kernel reports it.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import TypeVar

from yarl import URL

from integrations.egress.addresses import read_address
from integrations.egress.lookups import Lookup
from integrations.egress.policy import EgressPolicy, judge_addresses
from integrations.errors import UpstreamUnreachable
from integrations.transport.connections import mark

T = TypeVar("T")


async def dial(
    url: URL,
    policy: EgressPolicy,
    lookup: Lookup,
    opened: Callable[[socket.socket], Awaitable[T]],
    *,
    kind: socket.SocketKind = socket.SOCK_STREAM,
) -> T:
    """Return what `opened` makes of a socket that is connected to the first address which accepts one.

    Args:
        opened: closes the socket if it fails.

    Raises:
        EgressDenied: an address may not be called.
        UpstreamUnreachable: the name cannot be resolved.
        OSError: no address accepts a connection. After an `ssl.SSLError` no other one is tried.
    """
    host = url.raw_host or ""
    addresses = [host] if read_address(host) else await _look_up(host, url.port or 0, lookup)
    judge_addresses(url, addresses, policy)
    mark("judged")
    failure: OSError = OSError()
    for address in addresses:
        try:
            return await opened(await _connected(url, address, kind, policy))
        except ssl.SSLError:
            raise
        except OSError as error:
            failure = error
    raise failure


async def _look_up(host: str, port: int, lookup: Lookup) -> list[str]:
    try:
        return list(await lookup(host, port))
    except (OSError, UnicodeError):
        raise UpstreamUnreachable(f"The name {host} could not be resolved.") from None


async def _connected(url: URL, address: str, kind: socket.SocketKind, policy: EgressPolicy) -> socket.socket:
    """Return a socket connected to the address, whose peer was judged again."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, kind)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (address, url.port or 0))
        judge_addresses(url, [sock.getpeername()[0]], policy)
        mark("sent", address=address)
    except BaseException:
        sock.close()
        raise
    return sock
