"""Letters that look like Latin letters and are not, by Unicode's confusables (UTS 39)."""

import re

from confusable_homoglyphs import categories, confusables

_WORD = re.compile(r"[^\W\d_]+")
_LATIN = "LATIN"


def mixes_alphabets(text: str) -> bool:
    """Return whether a word of the text has Latin letters and letters of another alphabet that look Latin."""
    return any(_LATIN in map(categories.alias, word) and any(map(_looks_latin, word)) for word in _foreign_words(text))


def imitates_latin(text: str) -> bool:
    """Return whether a word of the text could be read as a Latin word, though it has letters of another alphabet."""
    return any(
        any(map(_looks_latin, word))
        and all(_looks_latin(letter) or categories.alias(letter) == _LATIN for letter in word)
        for word in _foreign_words(text)
    )


def _foreign_words(text: str) -> list[str]:
    return [] if text.isascii() else [word for word in _WORD.findall(text) if not word.isascii()]


def _looks_latin(letter: str) -> bool:
    if categories.alias(letter) in {_LATIN, "COMMON"}:
        return False
    found = confusables.is_confusable(letter, preferred_aliases=[_LATIN.lower()]) or []
    return any(
        categories.alias(other["c"][0]) == _LATIN and len(other["c"]) == 1
        for entry in found
        for other in entry["homoglyphs"]
    )
