"""Masking of a stream by whole units: events, lines, messages.

A unit is masked as a text on its own. Beyond that, the texts in it are joined with those of the units before: a value
that is cut into pieces is held back from its fourth character on, and the stream is withheld once it is found.
"""

from collections.abc import Callable
from typing import final

from secrets_app.redaction.joining import JoinedTexts
from secrets_app.redaction.leaves import Leaf
from secrets_app.redaction.matcher import Budget
from secrets_app.redaction.reasons import Reason
from secrets_app.redaction.redactor import GAP, Hit, Redactor, names_told
from secrets_app.redaction.windows import StreamWithheld, search, searchable

MOST_HELD_UNITS = 64 * 1024
"""Bytes of units that are held back until it is clear whether a value has begun."""

LeavesOf = Callable[[bytes], list[Leaf]]


@final
class UnitMask:
    """Masks units of a stream in order."""

    __slots__ = ("_budget", "_held", "_joined", "_leaves_of", "_redactor", "_size", "found")

    def __init__(self, redactor: Redactor, budget: Budget, leaves_of: LeavesOf) -> None:
        """Prepare for a stream.

        Args:
            budget: what the searches of the whole stream may cost.
            leaves_of: finds the texts in a unit.
        """
        self._redactor, self._budget, self._leaves_of = redactor, budget, leaves_of
        self._joined = JoinedTexts(redactor)
        self._held: list[bytes] = []
        self._size = 0
        self.found: frozenset[str] = frozenset()

    def take(self, unit: bytes) -> list[bytes]:
        """Take a whole unit; return the units that may go on now, masked.

        Raises:
            StreamWithheld: a value cannot be cut out, or the unit could not be searched.
        """
        joined = self._joined.add(self._leaves_of(unit))
        if self._hits(GAP.join([unit, *joined])):  # in one search, because hardly ever
            self._joined.undo()
            unit = self._masked(unit)
            joined = self._joined.add(self._leaves_of(unit))
            if joined and self._hits(GAP.join(joined)):
                raise StreamWithheld(Reason.VALUE)
        self._held.append(unit)
        self._size += len(unit)
        if not self._joined.is_undecided:
            return self.release()
        return self._release_what_is_too_much()

    def release(self) -> list[bytes]:
        """Return what is held back, as at the end of the stream: a value that has begun does not go on."""
        held, self._held, self._size = self._held, [], 0
        return held

    def make_way(self) -> list[bytes]:
        """Return what is held back, because something follows that belongs to no text.

        Raises:
            StreamWithheld: most of a value may be in what is held back.
        """
        if self._joined.is_undecided and self._joined.is_certain:
            raise StreamWithheld(Reason.NOT_CHECKED)
        return self.release()

    def _release_what_is_too_much(self) -> list[bytes]:
        return self.make_way() if self._size > MOST_HELD_UNITS else []

    def _hits(self, text: bytes) -> list[Hit]:
        hits = search(searchable(text, self._redactor), self._redactor, self._budget)
        self.found |= names_told(hits)
        return hits

    def _masked(self, unit: bytes) -> bytes:
        """Return a unit without the values in it."""
        self._budget.grant(len(unit))
        masked = self._redactor.mask_bytes(unit, budget=self._budget)
        if masked.withheld:
            raise StreamWithheld(masked.withheld)
        return masked.text
