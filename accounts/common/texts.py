"""The rule for free text that is stored, such as descriptions."""

import re

UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def problem_with_text(text: str, longest: int) -> str | None:
    """Return why a text cannot be stored, as a sentence that does not repeat it; None if it can.

    A text may be at most `longest` characters long and contain only characters that databases accept.
    """
    if len(text) > longest:
        return f"Use at most {longest} characters."
    return "Remove NUL characters and unpaired surrogates." if UNSTORABLE.search(text) else None
