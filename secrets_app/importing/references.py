"""`${NAME}` in a `.env` text: filling in the values of other entries of the same text.

Other readers of such files do this while they read; Coffer does it only if the caller asks for it. Values in single
quotes or backticks have no references. The last entry with a name counts, as in an import.
"""

from collections.abc import Sequence
from dataclasses import replace

from secrets_app.importing.dotenv import DotenvEntry
from secrets_app.naming.value_rules import MAX_BYTES
from secrets_app.plaintext import Plaintext

MOST_CHARACTERS = 4 * 1024 * 1024
"""What all values together may have after filling in. Entries that double each other grow exponentially."""
DEEPEST = 20
"""The longest chain of entries that refer to each other."""


class TooManyReferences(Exception):  # noqa: N818 - the import's caller hears it as a refusal
    """The values become too long, or refer to each other in a circle or in too long a chain."""


def fill_in(entries: Sequence[DotenvEntry]) -> list[DotenvEntry]:
    """Return the entries with their references filled in. A name that the text does not have stays as it is.

    Raises:
        TooManyReferences: the values become too long, or refer to each other in a circle or in too long a chain.
    """
    filler = _Filler({entry.name: entry for entry in entries})
    return [filler.filled(entry) if entry.parts else entry for entry in entries]


class _Filler:
    """The entries by name, and those already filled in."""

    def __init__(self, by_name: dict[str, DotenvEntry]) -> None:
        self._by_name = by_name
        self._texts: dict[str, str] = {}
        self._characters = 0

    def filled(self, entry: DotenvEntry) -> DotenvEntry:
        """Return an entry with its references filled in; what could not be filled in stays in `parts`."""
        text = self._joined(entry, 0)
        left = [name for name in entry.references if name not in self._by_name]
        parts = tuple(Plaintext(piece) for name in left for piece in ("", name))
        return replace(entry, value=Plaintext(text), is_empty=not text, parts=parts)

    def _joined(self, entry: DotenvEntry, depth: int) -> str:
        if depth > DEEPEST:
            raise TooManyReferences
        pieces = [part.expose() for part in entry.parts]
        pieces[1::2] = [self._text(name, depth) for name in pieces[1::2]]
        text = "".join(pieces)
        self._characters += len(text)
        if len(text) > MAX_BYTES or self._characters > MOST_CHARACTERS:
            raise TooManyReferences
        return text

    def _text(self, name: str, depth: int) -> str:
        entry = self._by_name.get(name)
        if entry is None:
            return f"${{{name}}}"
        if not entry.parts:
            return entry.value.expose()
        if name not in self._texts:
            self._texts[name] = self._joined(entry, depth + 1)
        return self._texts[name]
