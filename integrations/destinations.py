"""Reading a configured URL, strictly: one reading or none.

Owns: the syntax rules of SECURITY section 3 (1-4 and 7) and the URL object that everything after works on: the domain
check, the egress rules and the transport. Whether Coffer may go there is `egress.py`. Messages never quote the input.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import NoReturn

import idna
from yarl import URL

from integrations.errors import InvalidUrl
from integrations.paths import has_unsafe_segment

MAX_LENGTH = 2048
DEFAULT_PORTS = {"https": 443, "http": 80}

_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\\{}]")
_SPLIT = re.compile(r"(?P<scheme>[A-Za-z]+)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<rest>.*)", re.DOTALL)
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")
_PATH = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
_UNICODE_DOTS = re.compile("[\u3002\uff0e\uff61]")
_MAX_HOST_LENGTH = 253
_MAX_PORT = 65535


def parse_url(text: str) -> URL:
    """The URL that `text` spells, with its host as lower-case A-label. Raises InvalidUrl with the way out.

    A port that is the scheme's default is dropped, an empty path is `/`. No user, no query, no fragment.
    """
    if not 1 <= len(text) <= MAX_LENGTH:
        _refuse(f"Enter an address of at most {MAX_LENGTH} characters.")
    if _FORBIDDEN.search(text):
        _refuse("Leave out spaces, control characters, backslashes and braces; a placeholder cannot be part of it.")
    match = _SPLIT.fullmatch(text)
    if not match or match["scheme"].lower() not in DEFAULT_PORTS:
        _refuse("Begin with https:// and a host name.")
    scheme = match["scheme"].lower()
    authority = _read_authority(scheme, match["authority"])
    if match["rest"]:
        _refuse("Leave out “?” and “#”; query parameters have their own list.")
    return _agreed(text, scheme, authority, _read_path(match["path"]))


def read_host(text: str) -> str:
    """A host as it is compared and sent: an A-label name, an IPv4 or a bracketed IPv6 address. Raises InvalidUrl."""
    if text.startswith("["):
        return _read_ipv6(text)
    name = _to_ascii(text).lower()
    if _NUMERIC_LABEL.fullmatch(name.rpartition(".")[2]):
        return _read_ipv4(name)
    _check_name(name)
    return name


def _read_authority(scheme: str, text: str) -> str:
    """`host` or `host:port`, the port left out where it is the scheme's own."""
    if "@" in text:
        _refuse("Leave out user name and password; put credentials into a header, as placeholders.")
    match = _AUTHORITY.fullmatch(text)
    if not match or "%" in text:
        _refuse("Write the host as a plain name, and the port as digits.")
    host = read_host(match["host"])
    if match["port"] is None:
        return host
    port = int(match["port"])
    if not 1 <= port <= _MAX_PORT:
        _refuse(f"A port is a number from 1 to {_MAX_PORT}.")
    return host if port == DEFAULT_PORTS[scheme] else f"{host}:{port}"


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
    """Strictly four decimal numbers: resolvers take `127.1`, `0177.0.0.1` and `0x7f000001` for loopback."""
    try:
        return str(IPv4Address(text))
    except AddressValueError:
        _refuse("Write a host name, or an IP address as four decimal numbers.")


def _to_ascii(text: str) -> str:
    """The A-label form (IDNA 2008, RFC 5891): what cannot be encoded exactly is refused, never mapped."""
    if text.isascii():
        return text
    if _UNICODE_DOTS.search(text):
        _refuse("Separate the parts of the host name with ordinary dots.")
    try:
        return idna.encode(text, uts46=False, std3_rules=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        _refuse("This is not a valid international host name; write it in lower case.")


def _check_name(name: str) -> None:
    if len(name) > _MAX_HOST_LENGTH or not all(map(_LABEL.fullmatch, name.split("."))):
        _refuse("This is not a host name: use letters, digits and hyphens between single dots, and no final dot.")
    if not all(map(_is_plain_label, name.split("."))):
        _refuse("This is not a valid international host name.")


def _is_plain_label(label: str) -> bool:
    """Whether a label with hyphens in third and fourth place is an A-label that decodes and encodes to itself."""
    if label[2:4] != "--":
        return True
    try:
        return label.startswith("xn--") and idna.alabel(idna.ulabel(label)).decode("ascii") == label
    except (idna.IDNAError, UnicodeError):
        return False


def _agreed(text: str, scheme: str, authority: str, path: str) -> URL:
    """The URL object that is sent, unless the client's own parser reads the original text differently (rule 7)."""
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
