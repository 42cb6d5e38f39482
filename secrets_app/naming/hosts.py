"""Host names as Coffer compares and calls them (docs/security-rules.md, "Host names").

Owns the one spelling of a name, in lower-case A-labels; which names resolvers take for addresses; and which never
belong to the public internet. Both who says where a value may go (`domains.py`) and who says where a call goes (the
egress rules of `integrations`) read names through here: their agreement is what makes an allowed domain a rule.
"""

import re
from functools import lru_cache

import idna

_LONGEST_NAME = 253
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ENCODED_MARK = slice(2, 4)  # where an A-label and nothing else has two hyphens (RFC 5890 section 2.3.1)

# Rule 5. `home.arpa` is covered by `arpa`. `example` and `test` are ordinary names here.
_SPECIAL_USE = frozenset(
    {"alt", "arpa", "corp", "home", "internal", "intranet", "invalid", "lan", "local", "localdomain", "localhost"}
    | {"onion", "private"}
)


@lru_cache(maxsize=1024)
def to_a_labels(name: str) -> str | None:
    """The name in lower-case A-labels (IDNA 2008, RFC 5891), or None when it is not a host name.

    Nothing but upper case is mapped: what cannot be encoded exactly, a full stop of another script or one at the end
    makes it no host name. An IPv4 address is a name here; `ends_in_number` tells it.
    """
    if len(name) > _LONGEST_NAME:
        return None
    labels = [_to_a_label(label) for label in name.split(".")]
    whole = ".".join(label for label in labels if label)
    return whole if None not in labels and len(whole) <= _LONGEST_NAME else None


@lru_cache(maxsize=1024)
def ends_in_number(name: str) -> bool:
    """Whether resolvers take a clean name for an address; `127.1`, `2130706433` and `0x7f.1` are loopback to them."""
    return _NUMBER.fullmatch(name.rpartition(".")[2]) is not None


def is_special_name(name: str) -> bool:
    """Whether an A-label name is a single label or ends in a special-use one, such as `.local` or `.internal`."""
    return "." not in name or name.rpartition(".")[2] in _SPECIAL_USE


def _to_a_label(label: str) -> str | None:
    if any(sign.isascii() != sign.lower().isascii() for sign in label):  # the Kelvin sign would become a plain "k"
        return None
    lowered = label.lower()
    if lowered.isascii() and lowered[_ENCODED_MARK] != "--":
        return lowered if _LABEL.fullmatch(lowered) else None
    try:
        encoded = idna.alabel(idna.ulabel(lowered)).decode()
    except (idna.IDNAError, UnicodeError):
        return None
    return encoded if encoded == lowered or not lowered.isascii() else None  # an A-label decodes, and back to itself
