"""Masking of the values that a run used, in everything that an upstream sends back.

See docs/security-rules.md, "Redaction".

Owns the search, the marker and the decision to withhold. It works on complete bytes as they came: the caller buffers
under a size limit, decompresses first, and decodes nothing before, because bytes that were replaced hide a value.
Redaction is a seat-belt and no lock: the forms of `redaction_forms` are cut out, a value that shows only after undoing
escapes withholds the whole text, and a hostile upstream can still invent another form.

The search is one `bytes.find` per form: linear in the worst case for long forms, five times as fast as one compiled
alternation of all of them, and `re` would keep that pattern, values and all, in its process-wide cache.
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
    signs,
    spellings,
    without_blanks,
)

MASK = "[redacted]"
"""Stands for every cut, whatever was cut: it tells no length and no encoding."""

_GAP = b"\xff"
"""Stands for a cut, and between parts, where views are made: no escape and no UTF-8 contains it. A form in Latin-1 or
UTF-16 may; read across it, such a form can only withhold too much."""

_BASE64_CHARACTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")

_ESCAPES = re.compile(rb"[%\\&]")
"""What every escaped form begins with somewhere; a plus for a space is undone in a view."""

_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Masked:
    """What may be shown: the bytes with their cuts, or the marker alone when they were withheld."""

    text: bytes
    found: frozenset[str]
    """The names of the secrets that were in it."""
    withheld: bool


_NOBODY: frozenset[str] = frozenset()
_NONE: Mapping[str, Sequence[Plaintext]] = MappingProxyType({})


@final
class Redactor:
    """Masks the values of one run. Make one for each run and drop it with the values."""

    __slots__ = ("_sent", "_targets")

    def __init__(self, values: Mapping[str, Plaintext], composites: Mapping[str, Sequence[Plaintext]] = _NONE) -> None:
        """`values` by the secret's name, `composites` the texts made of them that were sent."""
        self._sent = [*values.items(), *((name, text) for name, texts in composites.items() for text in texts)]
        self._targets = tuple(_Target(name, value.expose()) for name, value in self._sent)

    def __repr__(self) -> str:
        return "<Redactor>"

    def in_lower_case(self) -> "Redactor":
        """One for what knows no case and is given in lower case, such as the name of a host."""
        lowered: dict[str, list[Plaintext]] = defaultdict(list)
        for name, value in self._sent:
            lowered[name].append(Plaintext(value.expose().lower()))
        return Redactor({}, lowered)

    def mask_all(self, parts: Sequence[bytes]) -> list[Masked]:
        """The parts of one answer, each masked by itself.

        Most answers hold no value, which one look at all parts together shows: no escape contains the byte between
        them, so each view of a part is a piece of the same view of the whole, and what a part holds the whole holds as
        well. The reverse need not be: a form in Latin-1 or UTF-16 may contain that byte and so lie across two parts.
        Whatever the look finds, each part is then masked by itself.
        """
        whole = _GAP.join(parts)
        views = [whole, *decoded_views(whole)]
        if any(target.may_be_in(views) for target in self._targets):
            return [self.mask_bytes(part) for part in parts]
        return [Masked(part, _NOBODY, withheld=False) for part in parts]

    def mask_bytes(self, body: bytes) -> Masked:
        """A body, a header name or value, a reason phrase: bytes in any encoding."""
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
        """The names of the values that a reader finds by undoing escapes."""
        return {target.name for view in decoded_views(body) for target in self._targets if target.shows_in(view)}


@final
class _Target:
    """One text to hide, with everything to look for."""

    __slots__ = ("_escaped", "_forms", "_signs", "_spellings", "_squeezed", "is_short", "name")

    def __init__(self, name: str, text: str) -> None:
        text = text.encode("utf-8", "replace").decode()  # so that no codec error can carry it
        squeezed = without_blanks(text.encode())
        self.name = name
        self.is_short = len(text) < MIN_LENGTH
        self._spellings = spellings(text)
        self._squeezed = {squeezed} if len(squeezed) >= MIN_LENGTH else set()
        self._signs = self._squeezed.union(*map(signs, self._spellings))
        self._forms: frozenset[Encoding] | None = None
        self._escaped: frozenset[Encoding] | None = None

    def may_be_in(self, views: Sequence[bytes]) -> bool:
        """Whether a body, given with its decoded views, has to be searched; the body itself comes first."""
        for sign in self._signs:
            for view in views:
                if sign in view:
                    return True
        return bool(_ESCAPES.search(views[0])) and any(form.literal in views[0] for form in self._escapes())

    def spans(self, body: bytes) -> list[_Span]:
        return [span for form in self._encoded() | self._escapes() for span in _occurrences(body, form)]

    def shows_in(self, view: bytes) -> bool:
        return any(literal in view for literal in self._squeezed.union(form.literal for form in self._encoded()))

    def _encoded(self) -> frozenset[Encoding]:
        """The forms that no unescaping undoes, made when they are needed: most answers hold none of their signs."""
        if self._forms is None:
            self._forms = frozenset(form for spelling in self._spellings for form in encoded_forms(spelling))
        return self._forms

    def _escapes(self) -> frozenset[Encoding]:
        """The escaped forms, made when they are needed: most answers hold neither a value nor an escape."""
        if self._escaped is None:
            self._escaped = frozenset(form for spelling in self._spellings for form in escaped_forms(spelling))
        return self._escaped


def _occurrences(body: bytes, form: Encoding) -> Iterable[_Span]:
    """Where the form is; occurrences that overlap are one, so that no end of a repetitive value is left over."""
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
    """1 when the byte beside a form belongs to the same base64 text and so carries bits of the value."""
    return int(len(neighbour) == 1 and neighbour[0] in _BASE64_CHARACTERS)


def _merged(spans: Iterable[_Span]) -> list[_Span]:
    """The spans in order, with those that overlap or touch made one."""
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
