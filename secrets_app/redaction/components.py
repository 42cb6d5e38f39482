"""The parts of a value that upstreams return on their own: a token behind `Bearer`, a password in a URL, JSON strings.

A part that everybody may see is left out, or honest responses would be withheld: the armour of a PEM, the certificate
beside a private key, the claims of a JWT, the client id in a service account. Nothing here has a pattern that takes
more than linear time, because a value may be hostile, too.
"""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

SHORTEST, SHORTEST_UNLABELLED = 8, 12
"""Characters of a part. One whose place does not say that it is secret has to be longer to be searched for."""
DEEPEST = 20

_SCHEME = re.compile(r"(?:bearer|basic|token|apikey|key)[ \t]+(\S+)\s*", re.IGNORECASE)
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]{16,}")
_URL = re.compile(r"[a-z][a-z0-9+.-]{0,30}://", re.IGNORECASE)
_PUTTY = "PuTTY-User-Key-File-"
_PUTTY_PRIVATE = re.compile(r"Private-Lines: \d{1,4}\r?\n(.*?)\r?\nPrivate-", re.DOTALL)
_BEGIN, _END, _DASHES = "-----BEGIN ", "-----END ", "-----"
_PUBLIC_BLOCKS = ("CERTIFICATE", "PUBLIC KEY", "PARAMETERS")
_LABELLED = re.compile(
    r"secret|token|passw|pwd|private|credential|api_?key|auth|signature|\bsig\b|\bkey\b", re.IGNORECASE
)
_PUBLIC_NAME = re.compile(
    r"(?:type|kid|alg|kty|use|crv|name|email|scopes?|project|region|version|environment"
    r"|.*(?:_|^)(?:id|ids|uri|uris|url|urls|email|domain|type|name|region|scopes?|account))",
    re.IGNORECASE,
)


class Component(NamedTuple):
    """A text to search for, and whether it is known to be secret (a password, not a user name)."""

    text: str
    is_labelled: bool


def components_of(value: str) -> list[Component]:
    """Return the parts of a value that are searched for: usually the value itself, without white space at its ends."""
    text = value.strip()
    found = next((parts for read in _READERS if (parts := read(text)) is not None), None)
    searched = [part for part in found or () if _is_searched(part)]
    return searched or [Component(text, is_labelled=True)]


def _is_searched(part: Component) -> bool:
    return len(part.text) >= (SHORTEST if part.is_labelled else SHORTEST_UNLABELLED)


def _scheme(text: str) -> list[Component] | None:
    """Read `Bearer …`, and user and password out of `Basic …`."""
    match = _SCHEME.fullmatch(text)
    if match is None:
        return None
    token = Component(match[1], is_labelled=True)
    decoded = _credentials(match[1]) if text[:5].lower() == "basic" else []
    return [token, *decoded] if _JWT.fullmatch(match[1]) is None else _jwt(match[1])


def _credentials(encoded: str) -> list[Component]:
    try:
        user, colon, password = base64.b64decode(encoded).decode().partition(":")
    except ValueError:
        return []
    return [Component(user, is_labelled=False), Component(password, is_labelled=True)] if colon else []


def _jwt(text: str) -> list[Component] | None:
    """Read a JWT: its signature alone is secret; header and claims also stand in other tokens of the same issuer."""
    if _JWT.fullmatch(text) is None:
        return None
    return [Component(text.rsplit(".", 1)[1], is_labelled=True)]


def _json(text: str) -> list[Component] | None:
    if not text.startswith(("{", "[")):
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    leaves = list(_leaves(document, "", DEEPEST))
    return leaves or None


def _leaves(node: Any, name: str, levels: int) -> Iterator[Component]:
    """Yield the strings of a document, except those that are public by their name."""
    if isinstance(node, str):
        yield from _armour(node) or _url(node) or _jwt(node) or _leaf(node, name)
    elif levels and isinstance(node, dict | list):
        children = node.items() if isinstance(node, dict) else ((name, child) for child in node)
        for key, child in children:
            yield from _leaves(child, key, levels - 1)


def _leaf(text: str, name: str) -> list[Component]:
    return [] if _PUBLIC_NAME.fullmatch(name) else [Component(text, bool(_LABELLED.search(name)))]


def _armour(text: str) -> list[Component] | None:
    """Read PEM and PGP blocks: their lines without the armour. Public blocks count only if there is no other."""
    blocks = list(_blocks(text))
    private = [body for label, body in blocks if not label.endswith(_PUBLIC_BLOCKS)]
    bodies = private or [body for _, body in blocks]
    return [Component(body, is_labelled=True) for body in bodies] or None


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    at = text.find(_BEGIN)
    while at >= 0:
        label_end = text.find(_DASHES, at + len(_BEGIN))
        end = text.find(_END, label_end)
        if label_end < 0 or end < 0:
            return
        label, body = text[at + len(_BEGIN) : label_end], text[label_end + len(_DASHES) : end]
        lines = [line for line in body.splitlines() if ":" not in line and not line.startswith("=")]
        yield label.removesuffix(" BLOCK"), "\n".join(lines).strip()
        at = text.find(_BEGIN, end)


def _putty(text: str) -> list[Component] | None:
    """Read a PuTTY file: its private lines. The public ones are what `authorized_keys` files hold."""
    match = _PUTTY_PRIVATE.search(text) if text.startswith(_PUTTY) else None
    return [Component(match[1], is_labelled=True)] if match else None


def _url(text: str) -> list[Component] | None:
    """Read a URL with a password or with secrets in its query; any other URL is taken as a whole."""
    if not _URL.match(text) or text.split() != [text]:
        return None
    try:
        parts = urlsplit(text)
        password, query = parts.password or "", parse_qsl(parts.query)
    except ValueError:
        return None
    found = [("password", unquote(password)), *query]
    secret = [text for name, text in found if _LABELLED.search(name) and len(text) >= SHORTEST]
    return [Component(text, is_labelled=True) for text in secret] or None


_READERS = (_scheme, _putty, _json, _armour, _jwt, _url)
