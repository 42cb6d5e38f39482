"""The rule for free text that is stored, such as descriptions."""

import re

UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def problem_with_text(text: str, longest: int) -> str | None:
    """Why a text cannot be stored, as a sentence without the text: its length, or what no database keeps as text."""
    if len(text) > longest:
        return f"Use at most {longest} characters."
    return "Leave out NUL and halves of surrogate pairs." if UNSTORABLE.search(text) else None
