"""The egress policy: where Coffer may send requests, and with which headers.

See docs/security-rules.md, "Destinations" and "Headers". A destination is judged when an integration is saved and again
at every run, with each address that its name resolves to. Only the operator's list of opened networks
(`COFFER_EGRESS_ALLOW`) widens the policy, and Coffer itself is never a destination. The syntax of URLs is in
`destinations.py`, the address tables are in `addresses.py`, connections are opened in `transport/`. The allowed domains
of a secret are an additional rule (`secrets_app/naming/domains.py`).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_network
from typing import Self

from yarl import URL

from integrations.egress import own_ports
from integrations.egress.addresses import (
    LOOPBACK,
    NAT64_LENGTHS,
    Network,
    is_never_allowed,
    is_public,
    read_address,
    translated,
)
from integrations.egress.destinations import KEPT, SIP, WEB, parse_url, read_port, uncached_url
from integrations.errors import EgressDenied, InvalidHeaderValue, InvalidUrl
from integrations.templating.placeholders import Template
from secrets_app.naming.hosts import is_special_name

FORBIDDEN_NAMES = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect"}
    | {"accept-encoding", "forwarded", "via", "http2-settings"}
)
"""Headers that the transport sets: they determine the route, the length or the encoding of a message."""

_FORBIDDEN_PREFIXES = ("proxy-", "x-forwarded-", ":")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_NETWORK_AND_PORT = re.compile(r"(?:(?P<network>[0-9.]+(?:/\d+)?)|\[(?P<bracketed>[^]]*)\]):(?P<port>\d+)")
_OWN = "This is Coffer itself, which it never calls. Use the address of the service."
_VALUE = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?")


class EgressListError(ValueError):
    """`COFFER_EGRESS_ALLOW` cannot be used; the message names the entry and the reason."""


@dataclass(frozen=True, slots=True)
class OpenedNetwork:
    """A network that the operator has opened: on one port, or on every port."""

    network: Network
    port: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class EgressPolicy:
    """What the operator has set. Two policies are never equal, so that what was judged is found again quickly.

    Without opened networks, the default, only https on port 443 of public addresses may be called.

    Attributes:
        nat64: prefixes of the operator's NAT64 gateways. An address in them is judged as the IPv4 address it leads to.
        own_hosts: the names and the port under which Coffer itself is reached.
    """

    opened: tuple[OpenedNetwork, ...] = ()
    nat64: tuple[Network, ...] = ()
    own_hosts: frozenset[tuple[str, int | None]] = field(default=frozenset())

    @classmethod
    def parse(cls, opened: str, nat64: str = "", own_hosts: Iterable[tuple[str, int | None]] = ()) -> Self:
        """Parse the operator's settings.

        Args:
            opened: a comma-separated list of networks, each with a port or without (`10.20.0.0/16:8443, 127.0.0.1/32`).
            nat64: a comma-separated list of IPv6 prefixes of the lengths that RFC 6052 allows.

        Raises:
            EgressListError: an entry cannot be used.
        """
        return cls(
            tuple(map(_read_opened, _entries(opened))), tuple(map(_read_prefix, _entries(nat64))), frozenset(own_hosts)
        )

    def opens(self, address: str, port: int | None) -> bool:
        """Return whether the operator opened this port of this address. Never-allowed addresses cannot be opened."""
        return _is_open(address, port, self)


@lru_cache(maxsize=KEPT)
def admit_url(text: str, policy: EgressPolicy, schemes: frozenset[str] = WEB) -> URL:
    """Return the URL that is judged, shown and called.

    A name with `http`, another port or no public suffix is admitted only if networks are opened; whether its addresses
    lie in them is known after resolution (`judge_addresses`). IP addresses are judged at once. SIP has its own ports,
    and its hosts may be public IP addresses (docs/security-rules.md, "Destinations").

    Raises:
        InvalidUrl, EgressDenied: the URL may not be called; the message says what to change.
    """
    url = parse_url(text, schemes)
    host = url.raw_host or ""
    if read_address(host):
        _judge_literal(url, policy)
    elif _is_plain(url):
        _judge_name(host, policy)
    elif not policy.opened:
        raise InvalidUrl("Use https on port 443.")
    if (host, url.port) in policy.own_hosts:
        raise EgressDenied(_OWN, host=host)
    return url


@lru_cache(maxsize=KEPT)
def admit_origin(scheme: str, authority: str, policy: EgressPolicy) -> URL:
    """Judge where a request goes like a configured URL; return its origin.

    Raises:
        InvalidUrl, EgressDenied: it may not be called.
    """
    url = uncached_url(scheme, authority, "/", "")
    if url.raw_user is not None or url.raw_password is not None:
        raise InvalidUrl("A URL cannot contain a user name.")
    origin = url.origin()
    if admit_url(str(origin), policy).origin() != origin:
        raise InvalidUrl("This address can be read in more than one way.")
    return origin


def needs_opened_network(url: URL) -> bool:
    """Return whether all addresses of the host must lie in an opened network.

    That holds for http, other ports, IP addresses and special-use names.
    """
    host = url.raw_host or ""
    if read_address(host):
        return url.scheme not in SIP
    return not _is_plain(url) or is_special_name(host)


def is_judged_at_run(url: URL) -> bool:
    """Return whether the decision depends on the addresses that the name resolves to."""
    return needs_opened_network(url) and read_address(url.raw_host or "") is None


def judge_addresses(url: URL, addresses: Iterable[str], policy: EgressPolicy) -> None:
    """Judge all addresses that the host of a URL resolved to.

    Raises:
        EgressDenied: an address is refused, or there is none.
    """
    host, port, found = url.raw_host or "", url.port, list(addresses)
    if not found:
        raise EgressDenied(f"{host} has no address.", host=host)
    for address in found:
        judge_address(address, port, policy)
        if needs_opened_network(url) and not policy.opens(address, port):
            raise EgressDenied(f"{host} is not inside a network that the operator opened for such calls.", host=host)
        if port in own_ports.SERVED and own_ports.is_on_this_machine(address):
            raise EgressDenied(_OWN, host=host)


@lru_cache(maxsize=KEPT)
def judge_address(address: str, port: int | None, policy: EgressPolicy, *, host: str = "") -> None:
    """Judge one address, for calls to one port.

    Args:
        host: the host to name in the refusal.

    Raises:
        EgressDenied: the address is neither public nor opened by the operator.
    """
    parsed = translated(read_address(address), policy.nat64)
    if parsed is None or is_never_allowed(parsed):
        raise EgressDenied("The host leads to an address that may never be called.", host=host)
    if not policy.opens(address, port) and not is_public(parsed):
        raise EgressDenied("The host leads to an address that is not on the public internet.", host=host)


@lru_cache(maxsize=KEPT)
def _is_open(address: str, port: int | None, policy: EgressPolicy) -> bool:
    parsed = translated(read_address(address), policy.nat64)
    if parsed is None or is_never_allowed(parsed):
        return False
    return any(parsed in opened.network and opened.port in {None, port} for opened in policy.opened)


def _is_plain(url: URL) -> bool:
    """Return whether scheme and port need no opened network."""
    return url.scheme in SIP or (url.scheme == "https" and url.port == 443)  # noqa: PLR2004 - the one port of rule 6


def _judge_literal(url: URL, policy: EgressPolicy) -> None:
    host = url.raw_host or ""
    if url.scheme in SIP:
        judge_address(host, url.port, policy, host=host)
    elif not policy.opens(host, url.port):
        sentence = "Use a host name: an IP address is called only inside networks that the operator opened."
        raise EgressDenied(sentence, host=host)


def _judge_name(host: str, policy: EgressPolicy) -> None:
    if is_special_name(host) and not policy.opened:
        raise EgressDenied("Use a public host name: local and special-use names are not called.", host=host)


def _entries(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(",") if entry.strip()]


def _read_opened(entry: str) -> OpenedNetwork:
    """Parse a network, with or without a port; an IPv6 network before a port stands in brackets."""
    match = _NETWORK_AND_PORT.fullmatch(entry)
    if not match:
        return OpenedNetwork(_read_network(entry))
    port = read_port(match["port"])
    if port is None:
        raise EgressListError(f"“{entry}” has a port that is not a number from 1 to 65535.")
    return OpenedNetwork(_read_network(match["network"] or match["bracketed"]), port)


def _read_prefix(entry: str) -> Network:
    network = _read_network(entry)
    if network.version != 6 or network.prefixlen not in NAT64_LENGTHS:  # noqa: PLR2004 - IPv6
        raise EgressListError(f"“{entry}” is not an IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits.")
    return network


def _read_network(entry: str) -> Network:
    try:
        network = ip_network(entry)
    except ValueError:
        raise EgressListError(f"“{entry}” is not a network; write one like 10.20.0.0/16.") from None
    if network.prefixlen == 0:
        raise EgressListError(f"“{entry}” contains every address; list specific networks.")
    if network.num_addresses > 1 and any(_overlap(network, loopback) for loopback in LOOPBACK):
        raise EgressListError(f"“{entry}” holds loopback addresses; list those one by one, like 127.0.0.1/32.")
    return network


def _overlap(one: Network, other: Network) -> bool:
    return one.network_address in other or other.network_address in one


@lru_cache(maxsize=KEPT)
def problem_with_header_name(name: str) -> str | None:
    """Return why a header of this name cannot be configured; None if it can."""
    if not _TOKEN.fullmatch(name):
        return "Use a header name of letters, digits and hyphens, without spaces or placeholders."
    # CGI servers read `-` and `_` alike (RFC 3875 section 4.1.18).
    lowered = name.lower().replace("_", "-")
    if lowered in FORBIDDEN_NAMES or lowered.startswith(_FORBIDDEN_PREFIXES):
        return "Coffer sets this header itself; remove it."
    return None


def problem_with_header_text(template: Template) -> str | None:
    """Return why a configured text cannot be a header value, whatever is filled in; None if it can."""
    filled = "".join(part if isinstance(part, str) else "x" for part in template.parts)
    if _VALUE.fullmatch(filled):
        return None
    return "Use visible ASCII characters with spaces only between them; the value cannot be empty."


def check_headers(headers: tuple[tuple[str, str], ...]) -> None:
    """Check rendered headers, as the last step before a connection is opened.

    Raises:
        InvalidHeaderValue: a name or value is not allowed; only the name of the header is quoted.
    """
    for name, value in headers:
        if problem_with_header_name(name) or not _VALUE.fullmatch(value):
            raise InvalidHeaderValue(f"The header {name!r} cannot be sent: its name or value is not allowed in HTTP.")
