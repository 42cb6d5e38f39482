"""Masking of values in everything that an upstream sends back (docs/security-rules.md, "Redaction").

This module decides what becomes of a text: it passes unchanged, values are cut out of it, or it is withheld with a
reason. It works on complete, raw bytes: the caller buffers them under a size limit and decompresses them, but does not
decode them, because a decoder that replaces invalid bytes could hide a value. This protects against accidents: a
hostile upstream can still invent another form.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from itertools import chain
from secrets import choice, token_bytes
from types import MappingProxyType
from typing import NamedTuple, final

from secrets_app.plaintext import Plaintext, is_short
from secrets_app.redaction.beginnings import BeginningIndex
from secrets_app.redaction.cutting import CannotCut, replaced, spans_of
from secrets_app.redaction.matcher import WINDOW, Budget, Matcher, NotChecked, patterns_of, search
from secrets_app.redaction.reasons import Reason

MASK = "[redacted]"
"""The replacement for everything that is cut. It is constant, so it reveals neither length nor encoding."""

UNNAMED = ""
"""The name of values that are masked and belong to no secret, such as a token that the upstream issued."""

GAP = f" {''.join(choice('ghkmnpqrstvwxyz') for _ in range(16))} ".encode()
"""Marks cuts and separates parts while a text is searched again, so that what is left does not join into a value; nor
into hexadecimal, which would be decoded."""


class Masked(NamedTuple):
    """A masked text: the bytes with values replaced, or only the marker if the text was withheld."""

    text: bytes
    found: frozenset[str]
    """The names of the secrets whose values were found."""
    withheld: Reason | None = None


class Hit(NamedTuple):
    """A value that a text contains."""

    name: str
    value: Plaintext
    is_strong: bool
    """Whether honest texts do not contain it by chance."""
    is_told: bool
    """Whether the caller may learn the name: not that of a secret which another run used."""


@final
class ValueSet:
    """Values to search for, with the index over them. It never changes, so threads may share it."""

    __slots__ = ("_patterns", "_values", "beginnings", "is_empty", "matcher", "memory", "reach")

    def __init__(self, values: Iterable[tuple[str, Plaintext]], *, only_strong: bool = False) -> None:
        """Index values by their names.

        Args:
            only_strong: leave out values that honest texts contain by chance, such as words and numbers.
        """
        indexed = [(name, value, patterns_of(value)) for name, value in values]
        if only_strong:
            indexed = [(name, value, one.strong_part) for name, value, one in indexed if one.is_strong]
        self._values = [(name, value) for name, value, _ in indexed]
        self._patterns = [one for _, _, one in indexed]
        self.matcher = Matcher(self._patterns)
        self.is_empty = not self.matcher
        self.beginnings = BeginningIndex(chain.from_iterable(one.beginnings for one in self._patterns))
        self.reach = max((one.reach for one in self._patterns), default=0)
        self.memory = sum(len(value.expose()) for _, value in self._values) + BYTES_PER_PATTERN * self.matcher.size

    def __repr__(self) -> str:
        return "<ValueSet>"

    @property
    def has_short(self) -> bool:
        """Whether one of the secrets has a value that is too short to be masked."""
        return any(name != UNNAMED and is_short(value) for name, value in self._values)

    def hit(self, place: int, *, is_told: bool) -> Hit:
        """Return the value at a place of the index."""
        return Hit(*self._values[place], self._patterns[place].is_strong, is_told)

    @property
    def names(self) -> list[str]:
        """The names of the values."""
        return [name for name, _ in self._values]


BYTES_PER_PATTERN = 400
"""About what a pattern takes in the index."""
_NONE: Mapping[str, Sequence[Plaintext]] = MappingProxyType({})


class _Indexes:
    """The indexes of recent runs: most runs use the values of the one before. Safe to use from several threads."""

    MEMORY = 16 * 1024 * 1024

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, ValueSet] = OrderedDict()
        self._lock = threading.Lock()
        self._key = token_bytes(32)
        self._memory = 0

    def of(self, values: Sequence[tuple[str, Plaintext]]) -> ValueSet:
        """Return the index of these values. They are told apart by a keyed hash."""
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
        self._keep(key, made)
        return made

    def _keep(self, key: bytes, made: ValueSet) -> None:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = made
                self._memory += made.memory
            while self._memory > self.MEMORY:
                self._memory -= self._kept.popitem(last=False)[1].memory


_INDEXES = _Indexes()


@final
class Redactor:
    """Masks the values of one run, and those that other runs sent to the same host."""

    __slots__ = ("_matchers", "_sets")

    def __init__(
        self,
        values: Mapping[str, Plaintext],
        composites: Mapping[str, Sequence[Plaintext]] = _NONE,
        others: Sequence[ValueSet] = (),
    ) -> None:
        """Prepare the search.

        Args:
            values: the values that the run used, by the name of the secret.
            composites: texts built from these values that were sent as well, by the same names.
            others: values of other runs. Their names are not told.
        """
        sent = [*values.items()]
        for name, texts in composites.items():
            sent += [(name, text) for text in texts]
        sets = [(_INDEXES.of(sent), True)] if sent else []
        sets += [(one, False) for one in others]
        self._sets = [(one, told) for one, told in sets if not one.is_empty]
        self._matchers = [one.matcher for one, _ in self._sets]

    def __repr__(self) -> str:
        return "<Redactor>"

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to search for."""
        return bool(self._sets)

    @property
    def has_short(self) -> bool:
        """Whether the run uses a value that is too short to be masked."""
        return any(told and one.has_short for one, told in self._sets)

    @property
    def is_strong(self) -> bool:
        """Whether every value is found by grams."""
        return all(matcher.has_grams_alone for matcher in self._matchers)

    @property
    def reach(self) -> int:
        """How many canonical characters of a value have to be seen until it is found, at most."""
        return max((one.reach for one, _ in self._sets), default=0)

    def begun(self, text: bytes) -> int:
        """Return how many of the last characters of a text are the beginning of a value."""
        return max((one.beginnings.begun(text) for one, _ in self._sets), default=0)

    def is_clean(self, parts: Sequence[bytes]) -> bool:
        """Return whether one search over all parts of a response proves that they contain no value, as most do not."""
        if not self._sets:
            return True
        whole = GAP.join(parts)
        return len(whole) <= WINDOW and self.hits(whole) == []

    def mask_all(self, parts: Sequence[bytes], deadline: float | None = None) -> list[Masked]:
        """Mask the parts of one response, each on its own.

        Args:
            deadline: when the search has to end, by `time.monotonic`. The first 64 KiB are always searched.
        """
        if self.is_clean(parts):
            return [Masked(part, frozenset()) for part in parts]
        return [self.mask_bytes(part, deadline) for part in parts]

    def mask_bytes(self, text: bytes, deadline: float | None = None, budget: Budget | None = None) -> Masked:
        """Mask a body, a header name or value, or a reason phrase, in any encoding; limits are those of `hits`."""
        hits = self.hits(text, deadline, budget)
        if hits is None:
            return Masked(MASK.encode(), frozenset(), Reason.NOT_CHECKED)
        if not hits:
            return Masked(text, frozenset())
        try:
            spans = spans_of(text, [hit.value for hit in hits if not is_short(hit.value)])
        except CannotCut:
            return Masked(MASK.encode(), names_told(hits), Reason.VALUE)
        left = self.hits(replaced(text, spans, GAP), deadline, budget)
        if left is None:
            return Masked(MASK.encode(), names_told(hits), Reason.NOT_CHECKED)
        if left:
            reason = Reason.SHORT_VALUE if all(is_short(hit.value) for hit in left) else Reason.VALUE
            return Masked(MASK.encode(), names_told([*hits, *left]), reason)
        return Masked(replaced(text, spans, MASK.encode()), names_told(hits))

    def hits(self, text: bytes, deadline: float | None = None, budget: Budget | None = None) -> list[Hit] | None:
        """Return the values that a text contains; None if it could not be searched within its limits.

        Args:
            deadline: when the search has to end, by `time.monotonic`.
            budget: that of the stream that the text is a piece of. A text on its own has one of its own.
        """
        if not self._sets or not text:
            return []
        try:
            found = search(text, self._matchers, budget or Budget(len(text), deadline))
        except NotChecked:
            return None
        if not any(found):
            return []
        return [
            one.hit(place, is_told=told)
            for (one, told), places in zip(self._sets, found, strict=True)
            for place in sorted(places)
        ]

    def names_in(self, text: bytes) -> frozenset[str]:
        """Return the names of the run's secrets that a text contains: all of them if it could not be searched."""
        hits = self.hits(text)
        if hits is None:
            return frozenset(name for one, told in self._sets if told for name in one.names)
        return names_told(hits)


def guesses_in(text: str, values: Mapping[str, Plaintext], others: Sequence[ValueSet]) -> list[Hit] | None:
    """Return the values of a run and of other runs that arguments contain; None if they could not be searched.

    A short value counts as a word of its own only: a PIN may well be a part of a phone number.
    """
    short = [Hit(name, value, is_strong=False, is_told=True) for name, value in values.items() if is_short(value)]
    words = [hit for hit in short if re.search(rf"(?<!\w){re.escape(hit.value.expose())}(?!\w)", text)]
    long = {name: value for name, value in values.items() if not is_short(value)}
    hits = Redactor(long, others=others).hits(text.encode("utf-8", "replace"))
    return None if hits is None else [*words, *hits]


def size_of_values(values: Mapping[str, Plaintext]) -> int:
    """Return about how many bytes have to be read before values can be searched for."""
    return sum(len(value.expose()) for value in values.values())


def names_told(hits: Iterable[Hit]) -> frozenset[str]:
    return frozenset(hit.name for hit in hits if hit.is_told and hit.name != UNNAMED)
