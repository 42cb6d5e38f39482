"""Masking of event streams and of lines of JSON: by whole events and lines.

An event or a line of more than 64 KiB, such as a picture in base64, is masked by a window that slides over it
(`windows.py`), so that memory is bounded.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple, final

from secrets_app.redaction.leaves import leaves_of_event, leaves_of_message
from secrets_app.redaction.matcher import Budget
from secrets_app.redaction.redactor import Redactor
from secrets_app.redaction.units import LeavesOf, UnitMask
from secrets_app.redaction.windows import LARGEST_TEXT, Bytes, WindowMask, pieces_of

LONGEST_UNIT = 64 * 1024
_LONGEST_END = 4
"""Bytes of the longest end of an event."""


class Framing(NamedTuple):
    """How a stream is cut into units, and where the texts in one are."""

    end: re.Pattern[bytes]
    leaves_of: LeavesOf


EVENTS: Final = Framing(re.compile(rb"\r\n\r\n|\n\n|\r\r|\n\r\n"), leaves_of_event)
LINES: Final = Framing(re.compile(rb"\n|\x1e"), leaves_of_message)


@final
class FramedMask:
    """Masks a stream of events or lines."""

    __slots__ = ("_begun", "_budget", "_framing", "_long", "_redactor", "_searched", "_units")

    def __init__(self, redactor: Redactor, budget: Budget, framing: Framing) -> None:
        """Prepare for a stream.

        Args:
            budget: what the searches of the whole stream may cost.
        """
        self._redactor, self._budget, self._framing = redactor, budget, framing
        self._units = UnitMask(redactor, budget, framing.leaves_of)
        self._begun = bytearray()
        self._searched = 0
        self._long: WindowMask | None = None

    @property
    def found(self) -> frozenset[str]:
        """The names of the secrets whose values have been found so far."""
        return self._units.found

    def feed(self, piece: Bytes) -> bytes:
        """Take a piece of any size; return what may go on now.

        Raises:
            StreamWithheld: a value cannot be cut out, or the stream could not be searched.
        """
        self._begun += piece
        out = []
        while (unit := self._next_unit()) is not None:
            out += self._whole(unit)
        if len(self._begun) > LONGEST_UNIT or self._long:
            out += self._part_of_a_long_unit()
        return b"".join(out)

    def steps(self, piece: Bytes) -> Iterable[bytes]:
        """Return what `feed` does in steps of about a millisecond."""
        return map(self.feed, pieces_of(piece, LARGEST_TEXT))

    def end(self) -> bytes:
        """Return what was held back until the end of the stream.

        Raises:
            StreamWithheld: as `feed` does.
        """
        rest, self._begun = bytes(self._begun), bytearray()
        out = self._whole(rest) if rest or self._long else []
        return b"".join([*out, *self._units.release()])

    def _next_unit(self) -> bytes | None:
        """Take the next whole unit out of what has come; each byte is looked at once."""
        found = self._framing.end.search(self._begun, max(0, self._searched - _LONGEST_END))
        if found is None:
            self._searched = len(self._begun)
            return None
        unit = bytes(self._begun[: found.end()])
        del self._begun[: found.end()]
        self._searched = 0
        return unit

    def _whole(self, unit: bytes) -> list[bytes]:
        if self._long is None:
            return self._units.take(unit)
        long, self._long = self._long, None
        out = [long.feed(unit), long.end()]
        self._units.found |= long.found
        return out

    def _part_of_a_long_unit(self) -> list[bytes]:
        """Pass on what has come of a long unit, but for what may be the first bytes of its end."""
        out = []
        if self._long is None:
            out += self._units.make_way()
            self._long = WindowMask(self._redactor, self._budget)
        size = max(0, len(self._begun) - _LONGEST_END)
        out.append(self._long.feed(bytes(self._begun[:size])))
        del self._begun[:size]
        self._searched = 0
        self._units.found |= self._long.found
        return out
