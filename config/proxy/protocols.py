"""The API key of Coffer among the sub-protocols of a WebSocket, where browsers have to put it: they set no header.

Services have two forms: the key behind a name and a dot (`openai-insecure-api-key.KEY`), and a pair of a word and the
key (`token, KEY`). Whatever carries the key does not go on.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from config.proxy.keys import KEY
from integrations.exchange.passed_headers import Header, folded

_PROTOCOL = "sec-websocket-protocol"
_CARRYING = re.compile(rf"(?:[A-Za-z][A-Za-z0-9._-]*\.)?({KEY})")
_ALONE = re.compile(KEY)
_WORD = re.compile(r"[A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Offered:
    """What a caller offers.

    Attributes:
        protocols: those that go on.
        word: the one that stood before the key; None if none did.
        has_key: whether the key is among them, so that the caller knows it and does not merely carry it.
    """

    protocols: tuple[str, ...]
    word: str | None
    has_key: bool

    def agreed(self, chosen: str | None) -> str | None:
        """Return the sub-protocol that the caller is answered.

        Args:
            chosen: what the upstream chose of those that went on. Where it chose none, the word before the key is the
                answer that the service would have given, and a browser ends a connection without one.
        """
        return chosen or self.word


def take_protocols(headers: Sequence[Header]) -> tuple[Offered, list[Header]]:
    """Return the sub-protocols, and the headers without them. A key among them is left there as a header of its own."""
    items = _items(headers)
    words = _words_before_keys(items)
    keys = [found[1] for found in map(_CARRYING.fullmatch, items) if found]
    kept = tuple(item for item in items if not _CARRYING.fullmatch(item) and item not in words)
    others = [header for header in headers if folded(header[0]) != _PROTOCOL]
    return Offered(kept, next(iter(words), None), bool(keys)), [*others, *((_PROTOCOL, key) for key in keys)]


def _items(headers: Sequence[Header]) -> list[str]:
    values = [value for name, value in headers if folded(name) == _PROTOCOL]
    items = [item.strip(" \t") for value in values for item in value.split(",")]
    return [item for item in items if item]


def _words_before_keys(items: Sequence[str]) -> list[str]:
    return [word for word, item in pairwise(items) if _WORD.fullmatch(word) and _ALONE.fullmatch(item)]
