"""Strict parsing of configured URLs (docs/security-rules.md, "Configured URLs").

A URL that two parsers could read differently is refused. The allowed domains, the egress policy and the transport all
work on the resulting `URL`. Whether Coffer may call it is decided by `policy.py`. The spelling of host names is in
`secrets_app/naming/hosts.py`, so that allowed domains compare the same name. Messages never quote the input.
"""

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import NoReturn

from yarl import URL

from integrations.errors import InvalidUrl
from integrations.templating.slots import has_unsafe_segment
from secrets_app.naming.hosts import ends_in_number, to_a_labels

MAX_LENGTH = 2048
KEPT = 1024
"""Size of the cache of parsed URLs. Configured URLs and the origins of rendered URLs contain no value."""
DEFAULT_PORTS = {"https": 443, "http": 80}
WEB = frozenset(DEFAULT_PORTS)
SIP = frozenset({"sip", "sips"})
"""Schemes of URLs that are not called over HTTP; they always contain a port."""

_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\\{}]")
_SPLIT = re.compile(r"(?P<scheme>[A-Za-z]+)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<rest>.*)", re.DOTALL)
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")
_PATH = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")
_MAX_PORT = 65535


@lru_cache(maxsize=KEPT)
def parse_url(text: str, schemes: frozenset[str] = WEB) -> URL:
    """Parse a configured URL. The host becomes a lower-case A-label.

    The default port of the scheme is dropped, and an empty path becomes `/`. User, query and fragment are refused.

    Args:
        schemes: the accepted schemes; only kinds that do not speak HTTP accept others than `http` and `https`.

    Raises:
        InvalidUrl: the URL is malformed or ambiguous; the message says what to change.
    """
    if not 1 <= len(text) <= MAX_LENGTH:
        _refuse(f"Enter an address of at most {MAX_LENGTH} characters.")
    if _FORBIDDEN.search(text):
        _refuse("Leave out spaces, control characters, backslashes and braces; a placeholder cannot be part of it.")
    match = _SPLIT.fullmatch(text)
    if not match or match["scheme"].lower() not in schemes:
        _refuse("Begin with https:// and a host name.")
    scheme = match["scheme"].lower()
    authority = _read_authority(scheme, match["authority"])
    if match["rest"]:
        _refuse("Leave out “?” and “#”; query parameters have their own list.")
    return _agreed(text, scheme, authority, _read_path(match["path"]))


def uncached_url(scheme: str, authority: str, path: str, query: str) -> URL:
    """Build a URL from encoded parts, without normalization.

    `URL(text)`, `URL.build` and `with_path` cache what they build, values included; unpickling does not.
    """
    url = URL()
    url.__setstate__(((scheme, authority, path, query, ""),))
    return url


def read_host(text: str) -> str:
    """Parse a host: return an A-label name, an IPv4 address or a bracketed IPv6 address.

    Raises:
        InvalidUrl: the host is malformed.
    """
    if text.startswith("["):
        return _read_ipv6(text)
    name = to_a_labels(text)
    if name is None or any(not label.isascii() and label != label.lower() for label in text.split(".")):
        _refuse(
            "This is not a host name: use letters, digits and hyphens between single dots, no final dot, and lower "
            "case where the letters are not ASCII."
        )
    return _read_ipv4(name) if ends_in_number(name) else name


def _read_authority(scheme: str, text: str) -> str:
    """Return `host` or `host:port`, without the default port of the scheme."""
    if "@" in text:
        _refuse("Leave out user name and password; put credentials into a header, as placeholders.")
    match = _AUTHORITY.fullmatch(text)
    if not match or "%" in text:
        _refuse("Write the host as a plain name, and the port as digits.")
    host = read_host(match["host"])
    if match["port"] is None:
        return host
    port = read_port(match["port"])
    if port is None:
        _refuse(f"A port is a number from 1 to {_MAX_PORT}.")
    return host if port == DEFAULT_PORTS.get(scheme) else f"{host}:{port}"


def read_port(text: str) -> int | None:
    """Parse the decimal digits of a port; return None if no port has this number."""
    return int(text) if 1 <= int(text) <= _MAX_PORT else None


def _read_path(text: str) -> str:
    if not _PATH.fullmatch(text):
        _refuse("Percent-encode the characters of the path that a URL cannot hold.")
    if "//" in text or has_unsafe_segment(text):
        _refuse("Leave out empty parts, “.” and “..” from the path.")
    return text or "/"


def _read_ipv6(text: str) -> str:
    try:
        return f"[{IPv6Address(text[1:-1]).compressed}]"
    except AddressValueError:
        _refuse("This is not an IPv6 address.")


def _read_ipv4(text: str) -> str:
    """Parse four decimal numbers. Resolvers also accept `127.1`, `0177.0.0.1` and `0x7f000001` as loopback."""
    try:
        return str(IPv4Address(text))
    except AddressValueError:
        _refuse("Write a host name, or an IP address as four decimal numbers.")


def _agreed(text: str, scheme: str, authority: str, path: str) -> URL:
    """Return the URL that is sent; refuse it if the client's parser reads the original text differently (rule 7)."""
    url = URL(f"{scheme}://{authority}{path}", encoded=True)
    try:
        other = URL(text)
    except ValueError:
        _refuse("This address can be read in more than one way.")
    if (url.scheme, url.raw_host, url.port) != (other.scheme, other.raw_host, other.port):
        _refuse("This address can be read in more than one way.")
    if url.raw_authority != authority or url.raw_path != path:
        _refuse("This address can be read in more than one way.")
    return url


def _refuse(sentence: str) -> NoReturn:
    raise InvalidUrl(sentence) from None
