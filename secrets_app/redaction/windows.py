"""Masking of a stream of bytes by a window that slides over it: text, audio, JSON in pieces.

Bytes go on once so much of what follows them has been searched that no value can begin with them. What has gone out
stays as context for the search. Work and memory are bounded: each step searches the context, what is held back, and the
new bytes; no more than about 9 KiB are held back, and only while a value is being waited for.
"""

import re
from codecs import utf_8_decode
from collections.abc import Iterator, Sequence
from typing import final

from secrets_app.plaintext import is_short
from secrets_app.redaction.cutting import CannotCut, Span, longest_spelling, replaced, spans_of
from secrets_app.redaction.grams import SIZE
from secrets_app.redaction.matcher import Budget
from secrets_app.redaction.reasons import Reason
from secrets_app.redaction.redactor import GAP, MASK, Hit, Redactor, names_told
from secrets_app.redaction.runs import READABLE, SHORTEST_READABLE, runs_of, shape_of
from secrets_app.redaction.views import NOT_CANONICAL, canonical, plainest

HELD = 160
"""Bytes that are held back at least."""
MOST_HELD = 4 * 1024
"""Bytes that are held back at most while nothing is found, and those that the rest of a value is waited for."""
CONTEXT = 1024
"""Bytes that have gone out and are searched again with those that follow."""
STEP = 32
"""New bytes that are worth a search."""
LARGEST_STEP, LARGEST_TEXT, FINE_STEP = 256 * 1024, 48 * 1024, 1024
"""Bytes that are searched at once: of binary data with next to no text in it, of anything else, and where a value is.
Text is one window of the matcher, together with context and what is held back."""
BINARY_SHARE = 8
"""Of binary data at most this part may be text."""
FEWEST_LETTERS, MOST_LETTERS = 24, 1024
"""Canonical characters that are held back: 24 are enough for most values, more where a value shows late."""

Bytes = bytes | memoryview
"""A piece of a stream. What is cut into slices comes as views of it, so that it is not copied for that."""

_LETTER = re.compile(rb"[0-9A-Za-z]")
_LEGIBLE = shape_of(READABLE + "\xc2\xe2\xef\xf0" + "".join(map(chr, range(0x80, 0xC0))))
"""Readable text, and the bytes in UTF-8 of full-width letters and of what stands invisibly between letters."""
_NO_LETTER = bytes(set(NOT_CANONICAL) - {0xEF, 0xF0})
"""All but letters and digits, and the bytes with which full-width letters and those of mathematics begin in UTF-8."""
_FIRST_BYTES = 256


class StreamWithheld(Exception):  # noqa: N818 - what becomes of a stream; its caller decides how to say so
    """What was held back of a stream cannot be passed on. Nothing of it has been given out.

    Attributes:
        reason: why, for the caller.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def search(text: bytes, redactor: Redactor, budget: Budget) -> list[Hit]:
    """Return the values in a text of a stream.

    Raises:
        StreamWithheld: it could not be searched.
    """
    budget.grant(len(text))
    hits = redactor.hits(text, budget=budget)
    if hits is None:
        raise StreamWithheld(Reason.NOT_CHECKED)
    return hits


def legible(text: bytes) -> bytes:
    """Return a text as it is, but of binary data only the runs of 16 bytes or more that may be text.

    Every form of a value in which a gram shows is such a run, and however it is written, each character of the gram
    takes a letter or a digit of it. Sound and pictures hold next to no such runs.
    """
    if _is_utf_8(text):
        return text
    runs = runs_of(text, _LEGIBLE, SHORTEST_READABLE)
    return b"\0".join([run for run in runs if len(run.translate(None, _NO_LETTER)) >= SIZE])


def _is_binary(text: bytes) -> bool:
    """Return whether nothing in a text may be text, or the beginning of one."""
    return not _is_utf_8(text) and SHORTEST_READABLE not in text.translate(_LEGIBLE)


def _is_utf_8(text: bytes) -> bool:
    """Return whether bytes are UTF-8, but for characters at both ends that are not all there.

    Binary data shows in its first bytes. They are looked at alone, because an error copies all that was to be decoded.
    """
    if text.isascii():
        return True
    start = next((at for at, byte in enumerate(text[:4]) if byte & 0xC0 != 0x80), 0)  # noqa: PLR2004 - UTF-8
    try:
        utf_8_decode(text[start:_FIRST_BYTES], "strict", False)
        utf_8_decode(text[start:], "strict", False)
    except UnicodeDecodeError:
        return False
    return True


def searchable(text: bytes, redactor: Redactor) -> bytes:
    """Return what has to be searched of a text."""
    return legible(text) if redactor.is_strong else text


@final
class WindowMask:
    """Masks a stream of bytes."""

    __slots__ = (
        "_budget", "_gone", "_has_gaps", "_is_binary", "_is_strong", "_letters", "_redactor", "_text", "_unsearched",
        "_waiting", "found",
    )  # fmt: skip

    def __init__(self, redactor: Redactor, budget: Budget) -> None:
        """Prepare for a stream.

        Args:
            budget: what the searches of the whole stream may cost.
        """
        self._redactor, self._budget, self._is_strong = redactor, budget, redactor.is_strong
        self._letters = max(FEWEST_LETTERS, redactor.reach)
        self._text, self._gone = b"", 0
        """The context, which has gone out, and what is held back behind it."""
        self._unsearched = self._waiting = 0
        self._has_gaps = self._is_binary = False
        self.found: frozenset[str] = frozenset()

    def feed(self, piece: Bytes) -> bytes:
        """Take a piece of any size; return what may go on now.

        Raises:
            StreamWithheld: a value cannot be cut out, or the stream could not be searched.
        """
        if len(piece) <= FINE_STEP:
            return self._step(piece)
        return b"".join(self.steps(piece))

    def steps(self, piece: Bytes, sizes: Sequence[int] = (LARGEST_STEP, LARGEST_TEXT)) -> Iterator[bytes]:
        """Yield what `feed` returns, in steps of about a millisecond.

        Args:
            sizes: a part of so many bytes is taken at once if it is clean, otherwise in parts of the next size.
        """
        for part in pieces_of(piece, sizes[0] if sizes else FINE_STEP):
            if not sizes:
                yield self._step(part)
            elif (given := self._at_once(part)) is None:
                yield from self.steps(part, sizes[1:])
            else:
                yield given

    def end(self) -> bytes:
        """Return what was held back until the end of the stream.

        Raises:
            StreamWithheld: as `feed` does.
        """
        hits = self._hits(self._text)
        if hits:
            self._cut(hits)
            if self._hits(self._text):
                raise StreamWithheld(Reason.VALUE)
        return self._release(0)

    def _at_once(self, piece: Bytes) -> bytes | None:
        """Take a piece if it is clean, and not too much text; return what may go on, or None if it was not taken."""
        is_large = len(piece) > LARGEST_TEXT
        if self._waiting or (is_large and not self._is_binary):
            return None
        text = self._text + piece
        readable = searchable(text, self._redactor)
        self._is_binary = len(readable) < len(piece) // BINARY_SHARE
        if (is_large and not self._is_binary) or self._hits_in(readable):
            return None
        self._text = text
        return self._release(self._held_back())

    def _step(self, piece: Bytes) -> bytes:
        self._text += piece
        self._unsearched += len(piece)
        if self._unsearched < max(STEP, self._waiting):
            return b""
        hits = self._hits(self._text)
        if not hits:
            self._waiting = 0
            return self._release(self._held_back())
        if not self._waiting and not self._is_settled(hits):
            return self._wait_for(hits)
        return self._without_values(hits)

    def _hits(self, text: bytes) -> list[Hit]:
        """Return the values in what is held back, or a part of it, behind the context."""
        return self._hits_in(searchable(text, self._redactor))

    def _hits_in(self, text: bytes) -> list[Hit]:
        self._unsearched = 0
        hits = search(text, self._redactor, self._budget)
        self.found |= names_told(hits)
        return hits

    def _wait_for(self, hits: list[Hit]) -> bytes:
        """Hold everything back until all of the values that have begun must be there, in any spelling."""
        self._waiting = min(MOST_HELD, longest_spelling(hit.value for hit in hits))
        return b""

    def _is_settled(self, hits: list[Hit]) -> bool:
        """Whether values stand there and so much has come behind them that no longer spelling can be meant."""
        spans = self._spans(hits)
        return bool(spans) and len(self._text) - spans[-1][1] >= longest_spelling(hit.value for hit in hits)

    def _without_values(self, hits: list[Hit]) -> bytes:
        """Cut values out and go on; what begins behind the last cut is waited for in turn.

        Raises:
            StreamWithheld: nothing can be cut out.
        """
        self._cut(hits)
        left = self._hits(self._text)
        if not left:
            self._waiting = 0
            return self._release(self._held_back())
        clean = self._text.rfind(GAP) + len(GAP)
        if self._hits(self._text[:clean]):
            raise StreamWithheld(Reason.VALUE)
        self._wait_for(left)
        return self._release(len(self._text) - clean)

    def _cut(self, hits: list[Hit]) -> None:
        """Put a gap in place of each value that is held back.

        Raises:
            StreamWithheld: no value stands there in a spelling that can be cut out.
        """
        spans = self._spans(hits)
        if not spans:
            raise StreamWithheld(Reason.VALUE)
        self._text, self._has_gaps = replaced(self._text, spans, GAP), True

    def _spans(self, hits: list[Hit]) -> list[Span]:
        """Return where values stand in what is held back; one that began in front of it counts from its beginning.

        Raises:
            StreamWithheld: they cannot be cut out.
        """
        try:
            spans = spans_of(self._text, [hit.value for hit in hits if not is_short(hit.value)])
        except CannotCut:
            raise StreamWithheld(Reason.VALUE) from None
        return [(max(self._gone, start), end) for start, end in spans if end > self._gone]

    def _release(self, kept: int) -> bytes:
        """Give out all but so many bytes of what is held back."""
        end = len(self._text) - kept
        gap = self._text.rfind(GAP, self._gone, end + len(GAP) - 1) if self._has_gaps else -1
        if 0 <= gap < end < gap + len(GAP):
            end = gap
        out, start = self._text[self._gone : end], max(0, end - CONTEXT)
        self._text, self._gone = self._text[start:], end - start
        return out.replace(GAP, MASK.encode()) if gap >= 0 else out

    def _held_back(self) -> int:
        """Return how many bytes at the end may be the beginning of a value.

        Bytes in front of the first letter or digit belong to none, so that silence and blanks go on.
        """
        held = self._text[max(self._gone, len(self._text) - MOST_HELD) :]
        if self._is_strong and _is_binary(held[-HELD:]):
            return min(HELD, len(held))
        size = HELD
        while size < len(held) and len(canonical(plainest(held[-size:]))) < self._letters:
            size = min(2 * size, len(held))
        if size <= HELD:
            return min(size, len(held))
        first = _LETTER.search(held, len(held) - size, len(held) - HELD)
        return len(held) - first.start() if first else HELD


def pieces_of(text: Bytes, size: int) -> list[Bytes]:
    """Return a text in pieces of so many bytes."""
    return [text[at : at + size] for at in range(0, len(text), size)]
