"""Searching for many values at once: Aho-Corasick automata over the views of a text.

The cost of a search does not depend on the number of values: one pass over the canonical text finds the grams of all of
them, and one over the folded text finds those that are searched for as a whole. `ahocorasick-rs` releases the
interpreter's lock meanwhile.
"""

import time
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import final

from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind

from secrets_app.plaintext import MIN_LENGTH, Plaintext
from secrets_app.redaction.beginnings import Beginning, beginnings_of
from secrets_app.redaction.components import SHORTEST_UNLABELLED, Component, components_of
from secrets_app.redaction.grams import grams_of
from secrets_app.redaction.view_processes import VIEW_PROCESSES
from secrets_app.redaction.views import LONGEST_FORM, View, folded, views

WINDOW, OVERLAP = 64 * 1024, LONGEST_FORM
"""A text is searched in windows, so that no other thread waits long."""
MOST_VIEWS, FREE_VIEWS = 12, 64 * 1024
"""All views together are at most so many times the text, and so many bytes."""
LONGEST_EXACT = 64
_FEW, _MANY, _NEVER_SIZE = 32, 256, 12
"""A long text is first looked through for so many patterns at a time, unless there are more than many."""
_LONG = 4 * 1024
FARTHEST = 256
"""The most characters until the first gram of a part that streams wait for; other texts have what is before it."""


class NotChecked(Exception):  # noqa: N818 - a result that the redactor turns into a withheld text
    """The budget of a search is spent, or its time is over."""


@final
class Budget:
    """What the search of one text may cost."""

    __slots__ = ("_bytes", "_deadline")

    def __init__(self, size: int, deadline: float | None = None) -> None:
        """Allow views in proportion to the text.

        Args:
            deadline: when the search ends at the latest, by `time.monotonic`.
        """
        self._bytes = FREE_VIEWS + MOST_VIEWS * size
        self._deadline = deadline

    def grant(self, size: int) -> None:
        """Allow views of so many bytes more, as a stream goes on."""
        self._bytes += MOST_VIEWS * size

    def spend(self, size: int) -> None:
        """Count a view.

        Raises:
            NotChecked: nothing is left.
        """
        self._bytes -= size
        if self._bytes < 0:
            raise NotChecked

    def views(self, text: bytes, *, is_timed: bool) -> list[View]:
        """Return the views of a text that this budget allows, made in a process of its own.

        Raises:
            NotChecked: the time is over, and it counts.
        """
        try:
            return VIEW_PROCESSES.views(text, self._bytes, self._deadline if is_timed else None)
        except TimeoutError:
            raise NotChecked from None

    def check_time(self) -> None:
        """Raise NotChecked if the time is over."""
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise NotChecked


@dataclass(frozen=True, slots=True)
class Patterns:
    """What a value is searched by.

    Attributes:
        grams: its strong grams, in canonical text.
        exacts: for parts without a strong gram, such as words: the whole part in folded text.
        raws: for texts that are too short for either, bytes as they stand in a text.
        reach: how many canonical characters of a part have to be seen until the first of its patterns shows.
        beginnings: how its parts begin, for texts that arrive in pieces.
    """

    grams: frozenset[bytes]
    exacts: frozenset[bytes]
    raws: frozenset[bytes]
    reach: int = 0
    beginnings: frozenset[Beginning] = frozenset()

    @property
    def is_strong(self) -> bool:
        """Whether the value is found by grams, so honest texts do not contain it by chance."""
        return bool(self.grams)

    @property
    def strong_part(self) -> "Patterns":
        """The patterns that honest texts do not contain by chance."""
        beginnings = frozenset(one for one in self.beginnings if one.is_strong)
        return Patterns(self.grams, frozenset(), frozenset(), min(self.reach, FARTHEST), beginnings)


def patterns_of(value: Plaintext) -> Patterns:
    """Return what a value is searched by."""
    parts = [_patterns_of_part(part) for part in components_of(value.expose())]
    return Patterns(
        grams=frozenset().union(*(part.grams for part in parts)),
        exacts=frozenset().union(*(part.exacts for part in parts)),
        raws=frozenset().union(*(part.raws for part in parts)),
        reach=max(part.reach for part in parts),
        beginnings=frozenset().union(*(part.beginnings for part in parts)),
    )


def _patterns_of_part(part: Component) -> Patterns:
    raw, none = part.text.encode("utf-8", "replace"), frozenset[bytes]()
    if strong := grams_of(raw):
        reach = min(strong[0].end, FARTHEST)
        return Patterns(frozenset(gram.text for gram in strong), none, none, reach, beginnings_of(raw, reach, True))
    whole = folded(raw)
    if len(whole) >= (MIN_LENGTH if part.is_labelled else SHORTEST_UNLABELLED):
        forms = list(_weak_forms(raw, whole))
        reach = max(len(form) - (len(form) - min(len(form), LONGEST_EXACT)) // 2 for form in forms)
        return Patterns(none, frozenset(map(_middle, forms)), none, reach, beginnings_of(raw, reach, False))
    if not part.is_labelled:
        return Patterns(none, none, none)
    raws = frozenset(form.lower() for form in _codecs(part.text)) - {b""}
    return Patterns(none, none, raws, len(raw), beginnings_of(raw, len(raw), False))


def _weak_forms(raw: bytes, whole: bytes) -> Iterator[bytes]:
    """Yield a weak text and its base64 and hexadecimal, which may be too short to be decoded in a view."""
    yield whole
    yield folded(raw.hex().encode())
    for before in range(3):
        inner = b64encode(bytes(before) + raw)[(0, 2, 3)[before] : 8 * (before + len(raw)) // 6]
        yield folded(inner)
        yield folded(inner.replace(b"+", b"-").replace(b"/", b"_"))


def _codecs(text: str) -> Iterable[bytes]:
    return (text.encode(codec, "replace") for codec in ("utf-8", "latin-1"))


def _middle(text: bytes) -> bytes:
    start = max(0, (len(text) - LONGEST_EXACT) // 2)
    return text[start : start + LONGEST_EXACT]


@final
class Matcher:
    """An index of values. It never changes, so threads may share it."""

    __slots__ = ("_exacts", "_grams", "_raws", "size")

    def __init__(self, patterns: Sequence[Patterns]) -> None:
        """Build the automata. Values are told by their place in the sequence."""
        self._grams = _Automaton.of([one.grams for one in patterns])
        self._exacts = _Automaton.of([one.exacts for one in patterns])
        self._raws = [(raw, at) for at, one in enumerate(patterns) for raw in one.raws]
        self.size = sum(len(one.grams) + len(one.exacts) + len(one.beginnings) for one in patterns)

    def __repr__(self) -> str:
        return "<Matcher>"

    def __bool__(self) -> bool:
        return bool(self._grams or self._exacts or self._raws)

    @property
    def has_grams_alone(self) -> bool:
        """Whether every value is found by grams."""
        return not (self._exacts or self._raws)

    def find(self, text: bytes, letters: bytes) -> list[int]:
        """Return the values that a view contains, by their places.

        Args:
            letters: the canonical text of the view.
        """
        found = self._grams.find(letters) if self._grams else []
        if self._exacts:
            found += self._exacts.find(folded(text))
        if self._raws:
            lower = text.lower()
            found += [at for raw, at in self._raws if raw in lower]
        return found


@final
class _Automaton:
    """An automaton over distinct patterns, with the values that each one belongs to."""

    __slots__ = ("_find", "_find_any", "_owners")

    def __init__(self, owners: dict[bytes, list[int]]) -> None:
        patterns, self._owners = list(owners), list(owners.values())
        self._find = BytesAhoCorasick(patterns).find_matches_as_indexes
        few = range(0, len(patterns), _FEW) if len(patterns) <= _MANY else ()
        self._find_any = [_first_match(patterns[at : at + _FEW]) for at in few]

    @classmethod
    def of(cls, groups: Sequence[frozenset[bytes]]) -> "_Automaton | None":
        owners: dict[bytes, list[int]] = defaultdict(list)
        for at, patterns in enumerate(groups):
            for pattern in patterns:
                owners[pattern].append(at)
        return cls(owners) if owners else None

    def find(self, text: bytes) -> list[int]:
        if len(text) >= _LONG and self._find_any and not any(find(text) for find in self._find_any):
            return []
        matches = self._find(text, overlapping=True)
        if not matches:
            return []
        patterns = {pattern for pattern, _, _ in matches}
        return [owner for pattern in patterns for owner in self._owners[pattern]]


def _first_match(patterns: list[bytes]) -> Callable[[bytes], object]:
    """Return what says whether a text contains one of few patterns, ten times as fast as finding all of them.

    With patterns of at least eight different beginnings, the library compares many bytes at once; so those that no text
    contains, because it is in lower case, are added.
    """
    never = [bytes([letter]) * _NEVER_SIZE for letter in b"ABCDEFGH"]
    small, first = Implementation.ContiguousNFA, MatchKind.LeftmostFirst
    return BytesAhoCorasick([*patterns, *never], first, small).find_matches_as_indexes


def search(text: bytes, matchers: Sequence[Matcher], budget: Budget) -> list[set[int]]:
    """Search a text and its views for the values of several matchers; return what each of them found.

    Raises:
        NotChecked: the budget is spent, or the time is over. The first window is always searched.
    """
    found: list[set[int]] = [set() for _ in matchers]
    if len(text) <= WINDOW:
        _search_views(views(text), matchers, found, budget)
        return found
    for at in range(0, len(text), WINDOW):
        if at:
            budget.check_time()
        window = text[max(0, at - OVERLAP) : at + WINDOW]
        _search_views(budget.views(window, is_timed=at > 0), matchers, found, budget)
    return found


def _search_views(made: Iterable[View], matchers: Sequence[Matcher], found: list[set[int]], budget: Budget) -> None:
    for view, letters in made:
        budget.spend(len(view))
        for names, matcher in zip(found, matchers, strict=True):
            if places := matcher.find(view, letters):
                names.update(places)
