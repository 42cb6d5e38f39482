"""How the definition of a tool differs from the approved one, word by word.

Both texts are the server's, so the work for a page is limited: beyond it, only what surrounds a change is recognized.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

from accounts.common.fields import write_json

PARTS = {
    "title": "Title",
    "description": "Description",
    "inputSchema": "Parameters",
    "outputSchema": "Answer",
    "annotations": "Hints",
    "icons": "Icons",
}
MOST_WORK = 5_000_000
"""How many pairs of words are compared for a page at most."""
LONGEST_SAME, SHOWN_BESIDE = 600, 200
"""Characters of a text without changes that are shown whole, and those that are shown of a longer one at each end."""

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


class Change(StrEnum):
    """What became of a piece of text."""

    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text."""

    change: Change
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A part of a definition that differs."""

    part: str
    pieces: list[Piece]


class DefinitionComparison:
    """Compares the definitions of the tools of one page."""

    def __init__(self, work: int = MOST_WORK) -> None:
        """Create it with the number of pairs of words that it may compare."""
        self._work = work

    def differences(self, approved: Mapping[str, Any], shown: Mapping[str, Any]) -> list[Difference]:
        """Return the parts that differ, in the order of `PARTS`."""
        texts = ((label, _text(approved.get(part)), _text(shown.get(part))) for part, label in PARTS.items())
        return [Difference(label, self._pieces(old, new)) for label, old, new in texts if old != new]

    def _pieces(self, old: str, new: str) -> list[Piece]:
        before, after = _WORDS.findall(old), _WORDS.findall(new)
        start = _same_at_start(before, after)
        end = _same_at_start(before[start:][::-1], after[start:][::-1])
        left, right = before[start : len(before) - end], after[start : len(after) - end]
        same_at_end = before[len(before) - end :]
        pieces = [(Change.SAME, before[:start]), *self._changes(left, right), (Change.SAME, same_at_end)]
        return [Piece(change, _shortened(change, "".join(words))) for change, words in pieces if words]

    def _changes(self, old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[Change, Sequence[str]]]:
        pairs = len(old) * len(new)
        if pairs > self._work:
            yield from ((Change.REMOVED, old), (Change.ADDED, new))
            return
        self._work -= pairs
        for tag, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new).get_opcodes():
            if tag == "equal":
                yield Change.SAME, old[old_from:old_to]
            else:
                yield from ((Change.REMOVED, old[old_from:old_to]), (Change.ADDED, new[new_from:new_to]))


def _same_at_start(old: Sequence[str], new: Sequence[str]) -> int:
    """Return how many words both begin with."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((at for at, (before, after) in pairs if before != after), min(len(old), len(new)))


def _text(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return write_json(value, is_ascii=False, indent=2)


def _shortened(change: Change, text: str) -> str:
    if change is not Change.SAME or len(text) <= LONGEST_SAME:
        return text
    return f"{text[:SHOWN_BESIDE]} … {text[-SHOWN_BESIDE:]}"
