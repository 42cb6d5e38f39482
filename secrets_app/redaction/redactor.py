"""Masking of values in everything that an upstream sends back (docs/security-rules.md, "Redaction").

This module decides what becomes of a text: it passes unchanged, values are cut out of it, or it is withheld with a
reason. It works on complete, raw bytes: the caller buffers them under a size limit and decompresses them, but does not
decode them, because a decoder that replaces invalid bytes could hide a value. This protects against accidents: a
hostile upstream can still invent another form.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from itertools import chain
from secrets import token_bytes, token_hex
from types import MappingProxyType
from typing import final

from secrets_app.naming.value_rules import is_short
from secrets_app.plaintext import Plaintext
from secrets_app.redaction.cutting import CannotCut, replaced, spans_of
from secrets_app.redaction.matcher import WINDOW, Budget, Matcher, NotChecked, Patterns, patterns_of, search

MASK = "[redacted]"
"""The replacement for everything that is cut. It is constant, so it reveals neither length nor encoding."""

UNNAMED = ""
"""The name of values that are masked and not told by name."""

_GAP = f" {token_hex(8)} ".encode()
"""Marks cuts and separates parts while a text is searched again, so that what is left does not join into a value."""


class Reason(StrEnum):
    """Why a text is withheld (docs/api.md, "Running")."""

    VALUE = "value_found"
    SHORT_VALUE = "short_value"
    NOT_CHECKED = "not_checked"
    ENCODING = "unknown_encoding"
    COMPRESSED = "compressed"

    @property
    def sentence(self) -> str:
        """The reason in words, with what to do next."""
        return _SENTENCES[self]


_SENTENCES = {
    Reason.VALUE: "It contains the value of a secret in a form that cannot be cut out. "
    "Call the upstream so that it does not return credentials.",
    Reason.SHORT_VALUE: "The call uses a value under 8 characters, which cannot be masked, so only the status is "
    "passed on. Use a longer value, mark the secret as an identifier if it may be seen, or name the fields to return.",
    Reason.NOT_CHECKED: "It could not be searched for secrets within its limits of work and time. "
    "Ask the upstream for less, or for fewer layers of encoding.",
    Reason.ENCODING: "It is in a content encoding that cannot be read, so it could not be searched for secrets.",
    Reason.COMPRESSED: "It is compressed or an archive, so it could not be searched for secrets.",
}


@dataclass(frozen=True, slots=True)
class Masked:
    """A masked text: the bytes with values replaced, or only the marker if the text was withheld."""

    text: bytes
    found: frozenset[str]
    """The names of the secrets whose values were found."""
    withheld: Reason | None = None


@final
class ValueSet:
    """Values to search for, with the index over them. It never changes, so threads may share it."""

    __slots__ = ("_patterns", "_values", "matcher")

    def __init__(self, values: Iterable[tuple[str, Plaintext]], *, only_strong: bool = False) -> None:
        """Index values by their names.

        Args:
            only_strong: leave out values that honest texts contain by chance, such as words and numbers.
        """
        indexed = [(name, value, patterns_of(value)) for name, value in values]
        if only_strong:
            indexed = [(name, value, _strong_part(one)) for name, value, one in indexed if one.is_strong]
        self._values = [(name, value) for name, value, _ in indexed]
        self._patterns = [one for _, _, one in indexed]
        self.matcher = Matcher(self._patterns)

    def __repr__(self) -> str:
        return "<ValueSet>"

    @property
    def memory(self) -> int:
        """About how many bytes the set takes: its texts, and the index at 400 bytes for each pattern."""
        return sum(len(value.expose()) for _, value in self._values) + 400 * self.matcher.size

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self._values]

    def name(self, place: int) -> str:
        return self._values[place][0]

    def value(self, place: int) -> Plaintext:
        return self._values[place][1]

    def is_strong(self, place: int) -> bool:
        return self._patterns[place].is_strong


def _strong_part(patterns: Patterns) -> Patterns:
    return Patterns(patterns.grams, frozenset(), frozenset())


NO_VALUES = ValueSet(())
_NONE: Mapping[str, Sequence[Plaintext]] = MappingProxyType({})


class _Indexes:
    """The indexes of recent runs: most runs use the values of the one before. Safe to use from several threads."""

    KEPT = 256
    LARGEST = 64 * 1024
    """Memory of an index that is kept, so all of them together take at most 16 MiB."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, ValueSet] = OrderedDict()
        self._lock = threading.Lock()
        self._key = token_bytes(32)

    def of(self, values: Sequence[tuple[str, Plaintext]]) -> ValueSet:
        """Return the index of these values; the key of the memory is a keyed hash, not the values."""
        digest = blake2b(key=self._key)
        for name, value in values:
            raw = value.expose().encode("utf-8", "replace")
            digest.update(f"{name}\0{len(raw)}\0".encode() + raw)
        key = digest.digest()
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = ValueSet(values)
        with self._lock:
            if made.memory <= self.LARGEST:
                self._kept[key] = made
            while len(self._kept) > self.KEPT:
                self._kept.popitem(last=False)
        return made


_INDEXES = _Indexes()


@final
class Redactor:
    """Masks the values of one run, and those that other runs sent to the same host."""

    __slots__ = ("_is_weak", "_sets")

    def __init__(
        self,
        values: Mapping[str, Plaintext],
        composites: Mapping[str, Sequence[Plaintext]] = _NONE,
        others: ValueSet = NO_VALUES,
    ) -> None:
        """Prepare the search.

        Args:
            values: the values that the run used, by the name of the secret.
            composites: texts built from these values that were sent as well, by the same names.
            others: values of other runs. Their names are not told.
        """
        sent = [*values.items(), *((name, text) for name, texts in composites.items() for text in texts)]
        self._sets = [one for one in (_INDEXES.of(sent) if sent else NO_VALUES, others) if one.matcher]

    def __repr__(self) -> str:
        return "<Redactor>"

    def mask_all(self, parts: Sequence[bytes], deadline: float | None = None) -> list[Masked]:
        """Mask the parts of one response, each on its own.

        Most responses contain no value, and one search over all parts together proves that.

        Args:
            deadline: when the search has to end, by `time.monotonic`. The first 64 KiB are always searched.
        """
        whole = _GAP.join(parts)
        if len(whole) <= WINDOW and self._is_clean(whole):
            return [Masked(part, frozenset()) for part in parts]
        return [self.mask_bytes(part, deadline) for part in parts]

    def mask_bytes(self, text: bytes, deadline: float | None = None) -> Masked:
        """Mask a body, a header name or value, or a reason phrase, in any encoding."""
        names: set[str] = set()
        try:
            hits = self._hits(text, deadline)
            if not hits:
                return Masked(text, frozenset())
            names.update(one.name(place) for one, place in hits)
            spans = spans_of(text, (one.value(place) for one, place in hits if not is_short(one.value(place))))
            left = self._hits(replaced(text, spans, _GAP), deadline)
            names.update(one.name(place) for one, place in left)
        except NotChecked:
            return _withheld(names, Reason.NOT_CHECKED)
        except CannotCut:
            return _withheld(names, Reason.VALUE)
        if left:
            short = all(is_short(one.value(place)) for one, place in left)
            return _withheld(names, Reason.SHORT_VALUE if short else Reason.VALUE)
        return Masked(replaced(text, spans, MASK.encode()), _told(names))

    def names_in(self, text: bytes) -> frozenset[str]:
        """Return the names of the secrets whose values a text contains, as far as they are told.

        A text that cannot be checked counts as one that contains every value.
        """
        try:
            return _told(one.name(place) for one, place in self._hits(text, None))
        except NotChecked:
            return _told(chain.from_iterable(one.names for one in self._sets))

    def _is_clean(self, text: bytes) -> bool:
        try:
            return not self._hits(text, None)
        except NotChecked:
            return False

    def _hits(self, text: bytes, deadline: float | None) -> list[tuple[ValueSet, int]]:
        if not self._sets:
            return []
        found = search(text, [one.matcher for one in self._sets], Budget(len(text), deadline))
        return [(one, place) for one, places in zip(self._sets, found, strict=True) for place in places]


def _told(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name for name in names if name != UNNAMED)


def _withheld(names: Iterable[str], reason: Reason) -> Masked:
    return Masked(MASK.encode(), _told(names), reason)
