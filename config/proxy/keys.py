"""The Coffer key of a request that is passed through, in the place where the service's own key would be.

SDKs put their key into a header of their service: alone, behind a scheme, or as user or password of Basic. The header
that carries it does not go on. A key anywhere else is refused, because it would go on or stand in somebody's log.
"""

import base64
import re
from collections.abc import Iterable

from accounts.access.key_text import LENGTH, MARK
from accounts.errors import Unauthenticated
from integrations.exchange.passed_headers import Header

HOW = (
    "Send the API key of Coffer in the header in which the service takes its own key, such as Authorization: Bearer "
    "cof_… or X-Api-Key: cof_…, and nowhere else."
)

KEY = rf"{MARK}[0-9A-Za-z]{{{LENGTH - len(MARK)}}}"
_ALONE = re.compile(rf"(?:[A-Za-z][A-Za-z0-9_-]*[ \t]+)?({KEY})")
_BASIC = re.compile(r"basic[ \t]+([A-Za-z0-9+/=_-]+)", re.IGNORECASE)
_ANYWHERE = re.compile(KEY)


def take_key(headers: Iterable[Header], target: str) -> tuple[str, list[Header]]:
    """Return the API key, and the headers without the one that carried it.

    Args:
        target: path and query, in which no key may stand.

    Raises:
        Unauthenticated: there is none, or not exactly one in a place where it may be.
    """
    carrying, others = [], []
    for name, value in headers:
        if key := key_in(value):
            carrying.append(key)
        else:
            others.append((name, value))
    if len(carrying) != 1 or _ANYWHERE.search(target) or any(_ANYWHERE.search(value) for _, value in others):
        raise Unauthenticated(HOW)
    return carrying[0], others


def key_in(value: str) -> str | None:
    """Return the key that is the credential in the value of a header; None if it is none, or more than a key."""
    text = value.strip(" \t")
    if found := _ALONE.fullmatch(text):
        return found[1]
    basic = _BASIC.fullmatch(text)
    keys = [part for part in _pair(basic[1]) if _ANYWHERE.fullmatch(part)] if basic else []
    return keys[0] if len(keys) == 1 else None


def _pair(encoded: str) -> list[str]:
    """Return user and password (RFC 7617 section 2)."""
    try:
        text = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_").decode()
    except ValueError:
        return []
    return text.split(":", 1)
