"""The caller's address and scheme behind a proxy (docs/security-rules.md, "Requests").

Anybody can send `X-Forwarded-For` and `X-Forwarded-Proto`. They count only if the connection comes from a proxy that
the operator named in `COFFER_TRUSTED_PROXIES`, and are removed from every other request.
"""

import logging
from collections.abc import Awaitable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from accounts.access.client_addresses import peer_address
from config.http import ignored_headers
from config.http.requests import Application, Receive, Send

UNIX_SOCKET = "unix"
_FOR, _PROTO = b"x-forwarded-for", b"x-forwarded-proto"
_FORWARDED = {_FOR, _PROTO}

logger = logging.getLogger(__name__)


class Proxies:
    """The proxies whose forwarded headers count."""

    def __init__(self, text: str) -> None:
        """Parse the setting.

        Args:
            text: addresses and networks, separated by commas; `unix` for peers on a Unix socket.

        Raises:
            ImproperlyConfigured: an entry cannot be used.
        """
        entries = [entry.strip() for entry in text.split(",") if entry.strip()]
        self._on_unix_socket = UNIX_SOCKET in entries
        self._networks = [_network(entry) for entry in entries if entry != UNIX_SOCKET]

    def trusts(self, peer: str | None) -> bool:
        """Return whether a peer is a trusted proxy.

        Args:
            peer: an address in the form of `peer_address`; None for a peer on a Unix socket.
        """
        if peer is None:
            return self._on_unix_socket
        return any(ip_address(peer) in network for network in self._networks)

    def client(self, peer: str | None, claimed: Sequence[str]) -> str | None:
        """Return the client's address: the last claimed one that is not itself a trusted proxy.

        What stands before it may be the client's own invention. An entry that is no address ends the search.

        Args:
            peer: the trusted proxy at the other end of the connection.
            claimed: the entries of `X-Forwarded-For`, in the order of the header.
        """
        for entry in reversed(claimed):
            address = peer_address(_host(entry))
            if address is None:
                break
            peer = address
            if not self.trusts(address):
                break
        return peer


class TrustedProxies:
    """An ASGI middleware that sets address and scheme as trusted proxies report them, and drops what others claim."""

    def __init__(self, application: Application, proxies: Proxies) -> None:
        self._application, self._proxies = application, proxies

    def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the request on. `client` and `scheme` of its scope are the client's."""
        if not _FORWARDED.isdisjoint(dict(scope.get("headers", ()))):
            scope = self._read(scope)
        return self._application(scope, receive, send)

    def _read(self, scope: dict[str, Any]) -> dict[str, Any]:
        """Return the scope without forwarded headers, and with what they say where they count."""
        read = {**scope, "headers": [entry for entry in scope["headers"] if entry[0] not in _FORWARDED]}
        addresses, schemes = _entries(scope, _FOR), _entries(scope, _PROTO)
        if _is_from_header(scope.get("client"), addresses):
            logger.error("The server may trust X-Forwarded-For by itself. Start uvicorn with --no-proxy-headers.")
            return {**read, "client": None}
        peer = peer_address(scope["client"][0]) if scope.get("client") else None
        if not self._proxies.trusts(peer):
            ignored_headers.note(peer)
            return read
        return read | self._claimed(peer, addresses, schemes)

    def _claimed(self, peer: str | None, addresses: Sequence[str], schemes: Sequence[str]) -> dict[str, Any]:
        """Return what a trusted proxy says of the client."""
        claimed: dict[str, Any] = {}
        if addresses:
            claimed["client"] = (self._proxies.client(peer, addresses) or "", 0)
        if schemes and schemes[-1] in {"http", "https", "ws", "wss"}:
            claimed["scheme"] = schemes[-1]
        return claimed


def _is_from_header(client: tuple[str, int] | None, claimed: Sequence[str]) -> bool:
    """Return whether the server may have taken the client of a connection from the header, by itself.

    It would give port 0, which no connection has, or the port that an entry names beside the address.
    """
    if client is None or not claimed:
        return False
    host, port = client
    return port == 0 or not {f"{host}:{port}", f"[{host}]:{port}"}.isdisjoint(claimed)


def _host(entry: str) -> str:
    """Return an entry of `X-Forwarded-For` without its port: `203.0.113.9:5678`, `[2001:db8::1]:5678`."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry


def _entries(scope: dict[str, Any], wanted: bytes) -> list[str]:
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
    return [entry.strip() for entry in ",".join(values).split(",") if entry.strip()]


def _network(entry: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(entry)
    except ValueError:
        raise ImproperlyConfigured(
            f"COFFER_TRUSTED_PROXIES: “{entry}” is not an address or a network; write one like 10.0.0.5 or 10.0.0.0/24."
        ) from None
    if network.prefixlen == 0:
        raise ImproperlyConfigured(
            f"COFFER_TRUSTED_PROXIES: “{entry}” contains every address; list the addresses of your proxies."
        )
    return network
