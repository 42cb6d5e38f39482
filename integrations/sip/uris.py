"""Strict parsing of SIP and tel URIs in digests (RFC 3261 section 19.1, RFC 3966)."""

import re
from ipaddress import AddressValueError, IPv6Address

MAX_LENGTH = 1024

_ESCAPE = r"%[0-9A-Fa-f]{2}"
_PARAMETERS = rf"(?:;(?:[A-Za-z0-9_.!~*'()\[\]/:&+$=-]|{_ESCAPE})+)*"
_URI = re.compile(
    rf"(?P<scheme>sips?):(?:(?:[A-Za-z0-9_.!~*'()&=+$,;?/-]|{_ESCAPE})+@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?)"
    rf"(?::[0-9]{{1,5}})?(?P<parameters>{_PARAMETERS})",
    re.IGNORECASE,
)
_TELEPHONE = re.compile(rf"tel:\+?[.()-]*[0-9A-F*#][0-9A-F*#.()-]*{_PARAMETERS}", re.IGNORECASE)
_MADDR = re.compile(r";(?:m|%4d|%6d)(?:a|%41|%61)(?:d|%44|%64){2}(?:r|%52|%72)(?:[=;]|\Z)", re.IGNORECASE)


def host_of(uri: str) -> str | None:
    """Return the host of a SIP URI in lower case, an IPv6 address without brackets; None if it is not plain.

    URIs with a password, header part or `maddr` are refused; `maddr` would send the request to another host.
    """
    match = _URI.fullmatch(uri) if len(uri) <= MAX_LENGTH else None
    if not match or _MADDR.search(match["parameters"]):
        return None
    host = match["host"].lower()
    return _ipv6(host.strip("[]")) if host.startswith("[") else host


def is_telephone(uri: str) -> bool:
    """Return whether this is a tel URI, which names no host."""
    return len(uri) <= MAX_LENGTH and _TELEPHONE.fullmatch(uri) is not None


def _ipv6(text: str) -> str | None:
    """Return the shortest spelling of an IPv6 address, so that two spellings are one host."""
    try:
        return IPv6Address(text).compressed
    except AddressValueError:
        return None
