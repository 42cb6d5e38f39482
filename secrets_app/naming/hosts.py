"""Host names as Coffer compares and calls them (docs/security-rules.md, "Host names").

This module normalizes names to lower-case A-labels, and knows which names resolvers read as addresses and which are
never public. Allowed domains (`domains`) and the egress rules of `integrations` both use it, so that they always agree
on which host a name means.
"""

import re
import unicodedata
from functools import lru_cache

import idna

from accounts.common.lookalikes import imitates_latin

_LONGEST_NAME, _LONGEST_LABEL = 253, 63
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ENCODED = "xn--"
_SKIN_TONES = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
_EMOJI_STYLE = "\ufe0f"

# `home.arpa` is covered by `arpa`. `example` and `test` count as ordinary names.
_SPECIAL_USE = frozenset(
    {"alt", "arpa", "corp", "home", "internal", "intranet", "invalid", "lan", "local", "localdomain", "localhost"}
    | {"onion", "private"}
)


@lru_cache(maxsize=1024)
def to_a_labels(name: str) -> str | None:
    """Return a name in lower-case A-labels (IDNA 2008, RFC 5891), or None if it is not a host name.

    Only upper case is mapped. A name is rejected if a label cannot be encoded exactly, or if it has a full stop of
    another script or a trailing dot. IPv4 addresses are accepted; `ends_in_number` recognizes them.
    """
    if len(name) > _LONGEST_NAME:
        return None
    labels = [_to_a_label(label) for label in name.split(".")]
    whole = ".".join(label for label in labels if label)
    return whole if None not in labels and len(whole) <= _LONGEST_NAME else None


@lru_cache(maxsize=1024)
def ends_in_number(name: str) -> bool:
    """Whether resolvers read a normalized name as an address, as they do `127.1`, `2130706433` and `0x7f.1`."""
    return _NUMBER.fullmatch(name.rpartition(".")[2]) is not None


def is_special_name(name: str) -> bool:
    """Whether a normalized name is a single label or ends in a special-use label such as `.local` or `.internal`."""
    return "." not in name or name.rpartition(".")[2] in _SPECIAL_USE


def _to_a_label(label: str) -> str | None:
    if any(sign.isascii() != sign.lower().isascii() for sign in label):  # the Kelvin sign would become "k"
        return None
    lowered = label.lower()
    if lowered.isascii() and not lowered.startswith(_ENCODED):
        return lowered if _LABEL.fullmatch(lowered) else None
    try:
        encoded = idna.alabel(idna.ulabel(lowered)).decode()
    except (idna.IDNAError, UnicodeError):
        encoded = _emoji_label(lowered)
    return encoded if encoded == lowered or not lowered.isascii() else None  # an A-label must survive the round trip


def _emoji_label(label: str) -> str | None:
    """Return the A-label of a label with emoji, or None if it has none or something else is wrong with it.

    IDNA 2008 has no emoji, and some registries sell such names anyway. Symbols that stand for letters, such as Ⓐ, are
    no emoji.
    """
    text = _decoded(label) if label.isascii() else label.replace(_EMOJI_STYLE, "")
    rest = "".join(sign for sign in text if not _is_emoji(sign))
    if rest == text or (rest and _to_a_label(rest) is None):
        return None
    encoded = _ENCODED + text.encode("punycode").decode()
    return encoded if len(encoded) <= _LONGEST_LABEL else None


def _is_emoji(sign: str) -> bool:
    is_symbol = unicodedata.category(sign) == "So" or sign in _SKIN_TONES
    return is_symbol and unicodedata.normalize("NFKC", sign) == sign


def _decoded(label: str) -> str:
    """Return what an A-label stands for, without the rules of IDNA; the label itself if it stands for nothing."""
    try:
        return label.removeprefix(_ENCODED).encode().decode("punycode")
    except UnicodeError:
        return label


def imitated_name(host: str) -> str | None:
    """Return the name that people would see, if it looks like another in Latin letters; otherwise None.

    Args:
        host: a name in A-labels, such as `xn--pple-43d.com`.
    """
    if _ENCODED not in host:
        return None
    shown = ".".join(_decoded(label) if label.startswith(_ENCODED) else label for label in host.split("."))
    return shown if imitates_latin(shown) else None
