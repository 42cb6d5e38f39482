"""Texts that a stream sends in pieces, joined again: is there a value in them, and may they go on as one?"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import final

from secrets_app.redaction.leaves import Leaf, Place
from secrets_app.redaction.redactor import Redactor

SHORTEST_TAIL, LONGEST_TAIL = 160, 4 * 1024
"""Bytes of a joined text that are kept to be searched with those that follow: the fewest, the most."""
MOST_PLACES = 256
"""Places whose texts are kept; those that have not gone on for the longest time are dropped."""
CERTAIN = 8
"""Characters of the beginning of a value that are hardly there by chance."""
PATIENCE = 8
"""Units in which a text has to go on that ends with fewer of them."""
_REPEATED, _TIMES = 12, 4
"""A text of so many bytes that comes again, or a shorter one that comes again for the fourth time, is no piece of
another: an id, the name of a model."""


@final
class JoinedTexts:
    """The ends of the texts of one stream."""

    __slots__ = ("_added", "_begun", "_redactor", "_tail", "_tails", "_units")

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._tail = min(max(SHORTEST_TAIL, 4 * redactor.reach), LONGEST_TAIL)
        self._tails: OrderedDict[Place, bytes] = OrderedDict()
        self._begun: dict[Place, tuple[int, int]] = {}
        self._added: dict[Place, tuple[bytes, tuple[int, int] | None]] = {}
        self._units = 0

    @property
    def is_undecided(self) -> bool:
        """Whether a text ends with the beginning of a value, so that what has come has to be held back."""
        return bool(self._begun)

    @property
    def is_certain(self) -> bool:
        """Whether so much of a value has come that it is hardly there by chance."""
        return any(size >= CERTAIN for size, _ in self._begun.values())

    def add(self, leaves: Iterable[Leaf]) -> list[bytes]:
        """Join the texts of an event, a line or a message with those before.

        Returns:
            the texts that came in several pieces, as far as a value may be in them.
        """
        self._units += 1
        self._added = {}
        joined = [text for leaf in leaves for text in self._joined(leaf)]
        self._begun = {place: one for place, one in self._begun.items() if self._may_go_on(*one)}
        return list(dict.fromkeys(joined))

    def undo(self) -> None:
        """Forget what was added last."""
        for place, (before, begun) in self._added.items():
            self._tails[place] = before
            self._begun.pop(place, None)
            if begun:
                self._begun[place] = begun
        self._units -= 1

    def _may_go_on(self, size: int, unit: int) -> bool:
        return size >= CERTAIN or self._units - unit < PATIENCE

    def _joined(self, leaf: Leaf) -> list[bytes]:
        """Return a text with the end of what was before it, for each of its places where there was something."""
        text = leaf.text.encode("utf-8", "replace")
        begun: dict[bytes, int] = {}
        return [joined for place in (leaf.loose, leaf.exact) if (joined := self._at(place, text, begun))]

    def _at(self, place: Place, text: bytes, begun: dict[bytes, int]) -> bytes:
        """Add a text at a place.

        Args:
            begun: what the ends of this text at other places begin; the ends are mostly the same.
        """
        before = self._tails.get(place, b"")
        if before and len(text) > 1 and before.endswith(text if len(text) >= _REPEATED else text * _TIMES):
            self._tails.move_to_end(place)
            return b""
        self._added.setdefault(place, (before, self._begun.pop(place, None)))
        tail = self._tails[place] = (before + text[-self._tail :])[-self._tail :]
        self._tails.move_to_end(place)
        if tail not in begun:
            begun[tail] = self._redactor.begun(tail)
        if begun[tail]:
            self._begun[place] = begun[tail], self._units
        if len(self._tails) > MOST_PLACES:
            self._begun.pop(self._tails.popitem(last=False)[0], None)
        return before + text[: self._tail] if before else b""
