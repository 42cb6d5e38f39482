"""How values begin, for texts that arrive in pieces: what ends with the beginning of a value may go on as the value.

A text that is cut into pieces of a few characters shows a value only when enough of it has gone out. So pieces are
held back from the fourth character of a value on, until it is clear how the text goes on.
"""

import re
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple, final

from secrets_app.redaction.views import canonical, folded, unescaped

SHORTEST_BEGINNING = 4
"""Characters that have to agree before anything is held back; so three may go out."""
LONGEST_BEGINNING = 1024
_FIRST_BYTES = 24
"""Bytes of a strong value whose base64 and hexadecimal are looked for as well."""
_UNFINISHED = re.compile(rb"(?:%[0-9a-fA-F]?|\\(?:u[0-9a-fA-F]{0,3}|x[0-9a-fA-F]?)?|&#?[a-zA-Z0-9]{0,8})\Z")
"""An escape at the end of a text that is not all there."""
_FEW = 16
"""Beginnings that are looked for one by one more quickly than the text is looked at position by position."""
_SPARSE = 8
"""Bytes at the start of a value among which there have to be enough letters and digits."""


class Beginning(NamedTuple):
    """The first characters of a value, or of its base64 or hexadecimal.

    Attributes:
        text: the characters in lower case.
        is_canonical: whether it is canonical text (`views.canonical`); otherwise it is folded text (`views.folded`).
        is_strong: whether it is that of a value which honest texts do not contain by chance.
    """

    text: bytes
    is_canonical: bool
    is_strong: bool


def beginnings_of(raw: bytes, reach: int, is_strong: bool) -> frozenset[Beginning]:
    """Return how a part of a value begins.

    Args:
        raw: the part.
        reach: how many characters of it are needed until it is found.
    """
    size = min(reach, LONGEST_BEGINNING)
    encoded = _encoded(raw[:_FIRST_BYTES] if is_strong else raw[:size])
    found = {Beginning(form[:LONGEST_BEGINNING], True, is_strong) for form in encoded}
    is_sparse = len(canonical(raw[:_SPARSE])) < SHORTEST_BEGINNING
    if is_strong:
        found.add(Beginning(canonical(raw)[:size], True, is_strong))
    if is_sparse or not is_strong:
        found.add(Beginning(folded(raw)[:size], False, is_strong))
    return frozenset(one for one in found if len(one.text) >= SHORTEST_BEGINNING)


def _encoded(raw: bytes) -> Iterable[bytes]:
    yield canonical(raw.hex().encode())
    for before in range(3):
        inner = b64encode(bytes(before) + raw)[(0, 2, 3)[before] : 8 * (before + len(raw)) // 6]
        yield canonical(inner)


@final
class BeginningIndex:
    """The beginnings of many values. It never changes, so threads may share it."""

    __slots__ = ("_canonical", "_other", "longest")

    def __init__(self, beginnings: Iterable[Beginning]) -> None:
        """Index beginnings by their first characters."""
        self._canonical: dict[bytes, list[bytes]] = defaultdict(list)
        self._other: dict[bytes, list[bytes]] = defaultdict(list)
        self.longest = 0
        for one in beginnings:
            index = self._canonical if one.is_canonical else self._other
            index[one.text[:SHORTEST_BEGINNING]].append(one.text)
            self.longest = max(self.longest, len(one.text))

    def __repr__(self) -> str:
        return "<BeginningIndex>"

    def begun(self, text: bytes) -> int:
        """Return how many of the last characters of a text are the beginning of a value, and not yet all of it."""
        last = text[-4 * self.longest :]
        found = self._begun(last)
        if b"%" in last or b"\\" in last or b"&" in last:
            found = max(found, self._begun(unescaped(_UNFINISHED.sub(b"", last))))
        return found

    def _begun(self, text: bytes) -> int:
        found = _begun(canonical(text), self._canonical, self.longest)
        return max(found, _begun(folded(text), self._other, self.longest)) if self._other else found


def _begun(text: bytes, index: dict[bytes, list[bytes]], longest: int) -> int:
    if len(index) <= _FEW and not any(start in text for start in index):
        return 0
    for at in range(max(0, len(text) - longest), len(text) - SHORTEST_BEGINNING + 1):
        if beginnings := index.get(text[at : at + SHORTEST_BEGINNING]):
            rest = text[at:]
            if any(beginning.startswith(rest) for beginning in beginnings):
                return len(rest)
    return 0
