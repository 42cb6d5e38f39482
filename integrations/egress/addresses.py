"""The IP addresses that Coffer may connect to, as explicit tables (docs/security-rules.md, "Addresses").

`ipaddress` parses addresses and tests membership in networks. Its `is_global` and `is_private` do not match these rules
and are not used. The networks that the operator has opened are part of `policy.py`.
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

KEPT = 1024
"""Size of the cache of parsed addresses."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ip_network(entry) for entry in text.split())


NEVER = _networks("""
    0.0.0.0/8 169.254.0.0/16 168.63.129.16/32 100.100.100.200/32
    fe80::/10 fd00:ec2::254/128 fd20:ce::254/128
    64:ff9b::/96 64:ff9b:1::/48 2001::/32 2002::/16 ::ffff:0:0:0/96
""")
"""Refused even if the operator opens a network around them: link-local addresses, metadata services, "this host", and
IPv6 addresses that embed an IPv4 address (NAT64, local NAT64, Teredo, 6to4, SIIT).
"""

IPV4_COMPATIBLE = ip_network("::/96")
"""Deprecated addresses that embed an IPv4 address. `::1` is in this range and is loopback instead."""

DENIED_V4 = _networks("""
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
    192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24
    203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 168.63.129.16/32
""")
"""IANA's special-purpose IPv4 registry, multicast, reserved space and Azure's wire server."""

ELIGIBLE_V6 = ip_network("2000::/3")
"""The only IPv6 space that IANA has allocated for global unicast."""

DENIED_V6 = _networks("2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20")
"""Special-purpose networks inside `ELIGIBLE_V6`."""

LOOPBACK = _networks("127.0.0.0/8 ::1/128")

NAT64_LENGTHS = {32, 40, 48, 56, 64, 96}
"""The lengths of prefixes that embed IPv4 addresses (RFC 6052 section 2.2)."""

_RESERVED_OCTET = 8  # bits 64 to 71, which hold no part of an embedded address

_LOOPBACK_V6 = IPv6Address("::1")


@lru_cache(maxsize=KEPT)
def read_address(text: str) -> Address | None:
    """Parse an IP address; IPv4-mapped IPv6 addresses become IPv4 addresses. Return None for anything else.

    Zone ids (`fe80::1%eth0`) are not parsed, because no address that needs one may be called.
    """
    if "%" in text:
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def translated(address: Address | None, prefixes: tuple[Network, ...]) -> Address | None:
    """Return the IPv4 address that an address in a NAT64 prefix leads to (RFC 6052 section 2.2); others unchanged."""
    for prefix in prefixes:
        if isinstance(address, IPv6Address) and address in prefix:
            octets = [octet for index, octet in enumerate(address.packed) if index != _RESERVED_OCTET]
            start = prefix.prefixlen // 8 - (prefix.prefixlen // 8 > _RESERVED_OCTET)
            return IPv4Address(bytes(octets[start : start + 4]))
    return address


def is_never_allowed(address: Address) -> bool:
    """Return whether the address is refused whatever the operator opens."""
    if address in IPV4_COMPATIBLE and address != _LOOPBACK_V6:
        return True
    return is_in(address, NEVER)


def is_public(address: Address) -> bool:
    """Return whether this is an ordinary address of the public internet."""
    if isinstance(address, IPv6Address):
        return address in ELIGIBLE_V6 and not is_in(address, DENIED_V6)
    return not is_in(address, DENIED_V4)


def is_in(address: Address, networks: tuple[Network, ...]) -> bool:
    """Return whether one of the networks contains the address. Address families never match each other."""
    return any(address in network for network in networks)
