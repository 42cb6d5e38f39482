"""Texts that look like placeholders but are not.

Examples are `{Secrets.x}`, `{ secrets.x }`, `{secrets[x]` and their Unicode homoglyphs. Saving such a text is an error,
because it would otherwise be sent literally (docs/security-rules.md, "Placeholders"). `placeholders.py` passes in only
the text between valid placeholders.
"""

import re
import unicodedata
from collections.abc import Iterator

# Characters that look like ASCII and are unchanged by compatibility decomposition (NFKD).
_DOUBLES = str.maketrans(
    {
        **dict.fromkeys("\u2774\u2983", "{"),  # ornamental and white curly bracket
        **dict.fromkeys("\u3002", "."),  # ideographic full stop
        **dict.fromkeys("\u3010\u3014\u27e6", "["),  # lenticular, tortoise shell, mathematical white
        **dict.fromkeys("\u0455\ua731", "s"),  # Cyrillic, small capital; likewise below, with Greek
        **dict.fromkeys("\u0435\u0454\u03b5\u1d07\u025b", "e"),
        **dict.fromkeys("\u0441\u03f2\u1d04", "c"),
        **dict.fromkeys("\u0433\u1d26\u0280", "r"),
        **dict.fromkeys("\u0442\u03c4\u1d1b", "t"),
        **dict.fromkeys("\u0440\u03c1\u1d18", "p"),
        **dict.fromkeys("\u0430\u03b1\u1d00\u0251", "a"),
        **dict.fromkeys("\u043c\u1d0d\u03bc", "m"),
    }
)
# A dot or an opening bracket must follow: `{secrets}` and `{ params { id } }` are other languages' syntax.
_LOOKALIKE = re.compile(r"\{\s*(?:secrets|params)\s*[.\[]")
_INVISIBLE = frozenset({"Cf", "Mn", "Me"})


def find_lookalike(text: str) -> int | None:
    """Return the index of the first such text; None if there is none."""
    if text.isascii():
        match = _LOOKALIKE.search(text.lower())
        return match.start() if match else None
    characters = list(_skeleton(text))
    match = _LOOKALIKE.search("".join(character for character, _ in characters))
    return characters[match.start()][1] if match else None


def _skeleton(text: str) -> Iterator[tuple[str, int]]:
    """Yield the characters as they look in lower-case ASCII, each with its index in `text`."""
    for index, character in enumerate(text):
        for part in unicodedata.normalize("NFKD", character).casefold().translate(_DOUBLES):
            if unicodedata.category(part) not in _INVISIBLE:
                yield part, index
