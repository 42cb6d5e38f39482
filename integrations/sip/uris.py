"""Strict parsing of SIP URIs in digests (RFC 3261 section 19.1)."""

import re

MAX_LENGTH = 256

_ESCAPE = r"%[0-9A-Fa-f]{2}"
_URI = re.compile(
    rf"(?P<scheme>sips?):(?:(?:[A-Za-z0-9_.!~*'()&=+$,;?/-]|{_ESCAPE})+@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?)"
    rf"(?::[0-9]{{1,5}})?(?P<parameters>(?:;(?:[A-Za-z0-9_.!~*'()\[\]/:&+$=-]|{_ESCAPE})+)*)",
    re.IGNORECASE,
)
_MADDR = re.compile(r";(?:m|%4d|%6d)(?:a|%41|%61)(?:d|%44|%64){2}(?:r|%52|%72)(?:[=;]|\Z)", re.IGNORECASE)


def host_of(uri: str) -> str | None:
    """Return the host of a SIP URI in lower case, an IPv6 address without brackets; None if it is not plain.

    URIs with a password, header part or `maddr` are refused; `maddr` would send the request to another host.
    """
    match = _URI.fullmatch(uri) if len(uri) <= MAX_LENGTH else None
    if not match or _MADDR.search(match["parameters"]):
        return None
    return match["host"].strip("[]").lower()
