"""Masking of the values that a run used, in everything that an upstream sends back.

See docs/security-rules.md, "Redaction".

This module owns the search, the marker and the decision to withhold a text. It works on complete, raw bytes: the caller
buffers them under a size limit and decompresses them, but does not decode them, because a decoder that replaces invalid
bytes could hide a value. The forms of `encodings` are cut out. If a value appears only after undoing escapes, the whole
text is withheld. This protects against accidents: a hostile upstream can still invent another form.

The search calls `bytes.find` for each form. It is linear in the worst case for long forms and five times as fast as one
compiled alternation, which `re` would also keep in its process-wide cache, including the values.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import final

from secrets_app.naming.value_rules import MIN_LENGTH
from secrets_app.plaintext import Plaintext
from secrets_app.redaction.encodings import (
    Encoding,
    decoded_views,
    encoded_forms,
    escaped_forms,
    indicators,
    spellings,
    without_blanks,
)

MASK = "[redacted]"
"""The replacement for everything that is cut. It is constant, so it reveals neither length nor encoding."""

_GAP = b"\xff"
"""Marks cuts and separates parts in decoded views. No escape and no UTF-8 text contains this byte. A form in Latin-1 or
UTF-16 may contain it; a match across it can only withhold too much."""

_BASE64_CHARACTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")

_ESCAPES = re.compile(rb"[%\\&]")
"""Every escaped form contains one of these characters. A plus for a space is undone in a decoded view."""

_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Masked:
    """A masked text: the bytes with values replaced, or only the marker if the text was withheld."""

    text: bytes
    found: frozenset[str]
    """The names of the secrets whose values were found."""
    withheld: bool


_NOBODY: frozenset[str] = frozenset()
_NONE: Mapping[str, Sequence[Plaintext]] = MappingProxyType({})


@final
class Redactor:
    """Masks the values of one run. Create one for each run, and drop it together with the values."""

    __slots__ = ("_sent", "_targets")

    def __init__(self, values: Mapping[str, Plaintext], composites: Mapping[str, Sequence[Plaintext]] = _NONE) -> None:
        """Prepare the texts to search for.

        Args:
            values: the values that the run used, by the name of the secret.
            composites: texts built from these values that were sent as well, by the same names.
        """
        self._sent = [*values.items(), *((name, text) for name, texts in composites.items() for text in texts)]
        self._targets = tuple(_Target(name, value.expose()) for name, value in self._sent)

    def __repr__(self) -> str:
        return "<Redactor>"

    def in_lower_case(self) -> "Redactor":
        """Return a redactor for texts that were converted to lower case, such as host names."""
        lowered: dict[str, list[Plaintext]] = defaultdict(list)
        for name, value in self._sent:
            lowered[name].append(Plaintext(value.expose().lower()))
        return Redactor({}, lowered)

    def mask_all(self, parts: Sequence[bytes]) -> list[Masked]:
        """Mask the parts of one response, each on its own.

        Most responses contain no value, and one search over all parts together proves that. No escape contains the
        byte between the parts, so each view of a part is a piece of the same view of the whole, and a value in a part
        is also found in the whole. The search may report a match across two parts, because a form in Latin-1 or UTF-16
        can contain that byte; each part is then masked on its own.
        """
        whole = _GAP.join(parts)
        views = [whole, *decoded_views(whole)]
        if any(target.may_be_in(views) for target in self._targets):
            return [self.mask_bytes(part) for part in parts]
        return [Masked(part, _NOBODY, withheld=False) for part in parts]

    def mask_bytes(self, body: bytes) -> Masked:
        """Mask a body, a header name or value, or a reason phrase, in any encoding."""
        found: set[str] = set()
        spans: list[_Span] = []
        withheld = False
        for target in self._targets:
            if hits := target.spans(body):
                found.add(target.name)
                spans += hits
                withheld = withheld or target.is_short
        spans = _merged(spans)
        hidden = self._hidden(_replaced(body, spans, _GAP))
        if withheld or hidden:
            return Masked(MASK.encode(), frozenset(found | hidden), withheld=True)
        return Masked(_replaced(body, spans, MASK.encode()), frozenset(found), withheld=False)

    def _hidden(self, body: bytes) -> set[str]:
        """Return the names of the secrets whose values appear after undoing escapes."""
        return {target.name for view in decoded_views(body) for target in self._targets if target.shows_in(view)}


@final
class _Target:
    """A text to hide, with the forms to search for."""

    __slots__ = ("_escaped", "_forms", "_indicators", "_spellings", "_squeezed", "is_short", "name")

    def __init__(self, name: str, text: str) -> None:
        text = text.encode("utf-8", "replace").decode()  # so that no codec error can carry the text
        squeezed = without_blanks(text.encode())
        self.name = name
        self.is_short = len(text) < MIN_LENGTH
        self._spellings = spellings(text)
        self._squeezed = {squeezed} if len(squeezed) >= MIN_LENGTH else set()
        self._indicators = self._squeezed.union(*map(indicators, self._spellings))
        self._forms: frozenset[Encoding] | None = None
        self._escaped: frozenset[Encoding] | None = None

    def may_be_in(self, views: Sequence[bytes]) -> bool:
        """Whether a body must be searched. `views` holds the body itself, followed by its decoded views."""
        for indicator in self._indicators:
            for view in views:
                if indicator in view:
                    return True
        return bool(_ESCAPES.search(views[0])) and any(form.literal in views[0] for form in self._escapes())

    def spans(self, body: bytes) -> list[_Span]:
        return [span for form in self._encoded() | self._escapes() for span in _occurrences(body, form)]

    def shows_in(self, view: bytes) -> bool:
        return any(literal in view for literal in self._squeezed.union(form.literal for form in self._encoded()))

    def _encoded(self) -> frozenset[Encoding]:
        """Return the encoded forms, computed on demand because most responses contain none of the indicators."""
        if self._forms is None:
            self._forms = frozenset(form for spelling in self._spellings for form in encoded_forms(spelling))
        return self._forms

    def _escapes(self) -> frozenset[Encoding]:
        """Return the escaped forms, computed on demand because most responses contain no escape."""
        if self._escaped is None:
            self._escaped = frozenset(form for spelling in self._spellings for form in escaped_forms(spelling))
        return self._escaped


def _occurrences(body: bytes, form: Encoding) -> Iterable[_Span]:
    """Yield where a form occurs. Overlapping matches are joined, so that no end of a repetitive value remains."""
    literal, size = form.literal, len(form.literal)
    start = body.find(literal)
    while start >= 0:
        last = start
        while (overlapping := body.find(literal, last + 1, last + 2 * size - 1)) >= 0:
            last = overlapping
        end = last + size
        yield start - _edge(body[start - form.before : start]), end + _edge(body[end : end + form.after])
        start = body.find(literal, end)


def _edge(neighbour: bytes) -> int:
    """Return 1 if the neighbouring byte belongs to the same base64 text and so carries bits of the value, else 0."""
    return int(len(neighbour) == 1 and neighbour[0] in _BASE64_CHARACTERS)


def _merged(spans: Iterable[_Span]) -> list[_Span]:
    """Return the spans in order, with overlapping and adjacent spans joined."""
    merged: list[_Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _replaced(body: bytes, spans: Iterable[_Span], marker: bytes) -> bytes:
    pieces, at = [], 0
    for start, end in spans:
        pieces += [body[at:start], marker]
        at = end
    return b"".join([*pieces, body[at:]])
