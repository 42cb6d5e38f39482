"""Masking of a stream: which way, by what it is (docs/security-rules.md, "Streams").

Event streams and lines of JSON go by whole events and lines (`events.py`), everything else by a window that slides over
the bytes (`windows.py`). What could not be searched is withheld. Everything here is synchronous and holds no more than
a few pieces of a stream.
"""

import re
from codecs import getincrementaldecoder
from collections.abc import Iterable
from typing import final

from secrets_app.redaction.archives import is_compressed
from secrets_app.redaction.events import EVENTS, LINES, FramedMask, Framing
from secrets_app.redaction.matcher import Budget
from secrets_app.redaction.reasons import Reason
from secrets_app.redaction.redactor import Redactor
from secrets_app.redaction.windows import HELD, LARGEST_TEXT, MOST_LETTERS, StreamWithheld, WindowMask

__all__ = ["StreamMask", "StreamWithheld"]

_EVENT_STREAM = re.compile(r"text/event-stream\b")
_JSON_LINES = re.compile(r"[^;]*(?:ndjson|json-?l(?:ines)?|json-stream|json-seq|stream\+json)\s*(?:;|$)")
_BINARY = re.compile(r"(?:audio|video|image|font)/|application/octet-stream\b")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([^\s"';,]+)""")
_READABLE_CHARSET = re.compile(
    r"utf-?8|us-ascii|ascii|ansi|(?:iso-?)?8859-\d{1,2}|iso-?8859-\d{1,2}|latin-?\d|l1|(?:windows|x-cp|cp)-?125\d"
    r"|utf-?16(?:-?[bl]e)?|ucs-2|unicode"
)
"""Character sets in which ASCII stands as it is, or with a NUL beside it."""
_FIRST_BYTES = frozenset(bytes([byte]) for byte in (*range(32, 127), *b"\t\r\n\x1e\xef"))
"""Those of texts; 0xEF begins a byte order mark."""
_FIRST_FIELD = re.compile(rb"(?:\xef\xbb\xbf)?[\r\n]*(?:data|event|id|retry):")
_FIRST_LINE = re.compile(rb"\s*\{.*\}\s*\n")


@final
class StreamMask:
    """Masks the body of one answer while it arrives."""

    __slots__ = ("_budget", "_media_type", "_redactor", "_refusal", "_start", "_way")

    def __init__(self, redactor: Redactor, media_type: str | None) -> None:
        """Prepare for a stream.

        Args:
            redactor: the values of the run, and those of other runs to the same hosts.
            media_type: what the upstream says in Content-Type, with its parameters where there are any.
        """
        self._redactor, self._media_type = redactor, (media_type or "").strip().lower()
        self._budget = Budget(0)
        self._start = b""
        self._way: FramedMask | WindowMask | None = None
        self._refusal = self._refused() if redactor.is_needed else None

    @property
    def found(self) -> frozenset[str]:
        """The names of the secrets whose values have been found so far."""
        return self._way.found if self._way else frozenset()

    def check(self) -> None:
        """Raise StreamWithheld if nothing of the stream can be passed on, whatever it is."""
        if self._refusal:
            raise StreamWithheld(self._refusal)

    def feed(self, piece: bytes) -> bytes:
        """Take a piece of any size; return what may go on now.

        Raises:
            StreamWithheld: what was held back cannot be passed on. Nothing of it has been given out.
        """
        return b"".join(self.steps(piece))

    def steps(self, piece: bytes) -> Iterable[bytes]:
        """Return what `feed` does in steps of about a millisecond; of sixteen, if bytes are as hostile as can be."""
        if not self._redactor.is_needed:
            return [piece]
        self.check()
        if self._way is None:
            self._start += piece
            if not self._is_known():
                return []
            self._way = self._begin()
            piece, self._start = self._start, b""
        return [self._way.feed(piece)] if len(piece) <= LARGEST_TEXT else self._way.steps(memoryview(piece))

    def end(self) -> bytes:
        """Return what was held back until the end of the stream.

        Raises:
            StreamWithheld: as `feed` does.
        """
        if self._way:
            return self._way.end()
        if not self._start:
            return b""
        self._way = self._begin()
        return self._way.feed(self._start) + self._way.end()

    def _refused(self) -> Reason | None:
        """Return why no stream can be passed on to this run, or none that is said to be what this one is."""
        if self._redactor.has_short:
            return Reason.SHORT_VALUE
        if self._redactor.reach > MOST_LETTERS:
            return Reason.NOT_CHECKED
        said = _CHARSET.search(self._media_type)
        return Reason.ENCODING if said and not _READABLE_CHARSET.fullmatch(said[1].replace("_", "-")) else None

    def _is_known(self) -> bool:
        """Whether enough has come to say what the stream is: no more than is held back in any case."""
        return len(self._start) >= HELD or self._framing() is not None

    def _begin(self) -> FramedMask | WindowMask:
        if framing := self._framing():
            return FramedMask(self._redactor, self._budget, framing)
        if is_compressed(self._start) and not _is_text(self._start):
            raise StreamWithheld(Reason.COMPRESSED)
        return WindowMask(self._redactor, self._budget)

    def _framing(self) -> Framing | None:
        """Return how the stream is cut into units, by its media type, or by its first bytes if that leaves it open."""
        if self._start[:1] not in _FIRST_BYTES or _BINARY.match(self._media_type):
            return None
        if _EVENT_STREAM.match(self._media_type) or _FIRST_FIELD.match(self._start):
            return EVENTS
        is_json = "json" in self._media_type
        is_lines = _FIRST_LINE.match(self._start) if is_json else self._start.startswith(b"{")
        return LINES if _JSON_LINES.match(self._media_type) or is_lines else None


def _is_text(start: bytes) -> bool:
    """Whether bytes are UTF-8, perhaps with a character at the end that is not all there."""
    try:
        getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return True
