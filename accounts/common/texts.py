"""The rules for text that is stored: names, and free text such as descriptions."""

import re
from collections.abc import Iterable

from accounts.common.lookalikes import mixes_alphabets

UNSTORABLE = re.compile("[\0\ud800-\udfff]")

TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Characters that change the direction of the text after them (UAX 9): it would read otherwise than it is."""


def problem_with_text(text: str, longest: int) -> str | None:
    """Return why a text cannot be stored, as a sentence that does not repeat it; None if it can.

    A text may be at most `longest` characters long. It contains only characters that databases accept, and none that
    turn the direction of the text.
    """
    if len(text) > longest:
        return f"Use at most {longest} characters."
    if UNSTORABLE.search(text):
        return "Remove NUL characters and unpaired surrogates."
    return "Remove the invisible characters that turn the direction of the text." if TURNING.search(text) else None


def problem_with_line(text: str, longest: int, *, shortest: int = 1) -> str | None:
    """Return why a text cannot be a name, as a sentence that does not repeat it; None if it can.

    A name is one line of `shortest` to `longest` visible characters. No word of it mixes alphabets that look alike,
    because two names would read as one.
    """
    if not shortest <= len(text) <= longest or not text.isprintable():
        return f"Enter a name of {shortest} to {longest} characters, on one line, without control characters."
    if mixes_alphabets(text):
        return "A word mixes letters of different alphabets that look alike. Type it again."
    return None


def path_in_words(path: Iterable[object]) -> str:
    """Return a path of names and positions: `("config", "headers", 0, "name")` becomes `config.headers[0].name`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text
