"""The short pieces of a value ("grams") that are searched for in canonical text (`views.canonical`).

Canonical text is ASCII letters and digits in lower case, so a value is found in another letter case, with or without
hyphens and line breaks, and between other characters. A value is found by grams of 12 characters, so any part of it of
about 20 canonical characters shows. A gram must be *strong*: nothing that ordinary text, or somebody else's key of the
same format, contains by chance. `grams.json` holds the measured frequencies of ordinary text and the grams that
independently generated keys share; `tests/public_grams.py` makes it.
"""

import json
import string
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from secrets_app.redaction.views import NOT_CANONICAL

SIZE = 12
"""Characters of a gram."""
SHORTEST = 16
"""Canonical characters that a text needs to be found by grams."""
SKIPPED = 4
"""Characters at the start of a text without a gram. Providers show them as a hint, such as `sk-…2C`."""
STRIDE = 5
MOST = 3_000
"""Grams of one text. In a longer one (20 KiB) the stride grows."""

_FEWEST_DISTINCT = 7
_PUBLIC_SIZE = 6
_ORDINARY = -5.2
"""The mean logarithm of the probability of letter pairs; ordinary text is above it."""
_MOST_DIGITS, _FEWEST_DIGITS, _KIND_CHANGES, _CASE_CHANGES = 4, 2, 3, 5

_SYMBOLS = str.maketrans(string.digits, "0" * 10)

_DATA = json.loads((Path(__file__).parent / "grams.json").read_text())
_PAIRS: dict[str, float] = {
    first + second: value / 10
    for first, row in zip(_DATA["symbols"], _DATA["pairs"], strict=True)
    for second, value in zip(_DATA["symbols"], row, strict=True)
}
_PUBLIC = frozenset(
    gram[at : at + _PUBLIC_SIZE] for gram in _DATA["public"] for at in range(len(gram) - _PUBLIC_SIZE + 1)
)


class Gram(NamedTuple):
    """A piece of a canonical text, and where it ends there."""

    text: bytes
    end: int


def grams_of(text: bytes) -> list[Gram]:
    """Return the strong grams of a text in order, so that most parts of it contain one. A weak text has none."""
    letters = text.translate(None, NOT_CANONICAL).decode()
    if len(letters) < SHORTEST:
        return []
    last = len(letters) - SIZE - 1  # so that the text without its last character is found as well
    start = min(SKIPPED, last // 2)
    stride = max(STRIDE, len(letters) // MOST)
    found = (_strong_from(letters, at, min(at + STRIDE, last + 1)) for at in range(start, last + 1, stride))
    return [gram for gram in found if gram]


def _strong_from(letters: str, start: int, end: int) -> Gram | None:
    """Return the first strong gram that starts between `start` and `end`."""
    for at in range(start, end):
        if is_strong(gram := letters[at : at + SIZE]):
            return Gram(gram.lower().encode(), at + SIZE)
    return None


def is_strong(gram: str) -> bool:
    """Whether letters and digits, in their original case, are unlikely to occur in texts that do not hold the value."""
    lower = gram.lower()
    if len(set(lower)) < _FEWEST_DISTINCT or lower.isdigit() or not _PUBLIC.isdisjoint(_parts(lower)):
        return False
    digits = sum(map(str.isdigit, lower))
    if digits >= _FEWEST_DIGITS and _changes(lower, str.isdigit) >= _KIND_CHANGES:
        return True
    is_rare = digits <= _MOST_DIGITS and _commonness(lower) < _ORDINARY
    return is_rare or _changes("".join(filter(str.isalpha, gram)), str.isupper) >= _CASE_CHANGES


def _parts(lower: str) -> Iterator[str]:
    return (lower[at : at + _PUBLIC_SIZE] for at in range(len(lower) - _PUBLIC_SIZE + 1))


def _changes(text: str, is_kind: Callable[[str], bool]) -> int:
    kinds = [is_kind(character) for character in text]
    return sum(before != after for before, after in pairwise(kinds))


def _commonness(lower: str) -> float:
    symbols = lower.translate(_SYMBOLS)
    pairs = [_PAIRS[symbols[at : at + 2]] for at in range(len(symbols) - 1)]
    return sum(pairs) / len(pairs)
