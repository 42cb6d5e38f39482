"""Limits for JSON values from outside: valid Unicode, bounded numbers and bounded depth.

Later code can then recurse and store values without checks of its own. Schemas are checked elsewhere.
"""

import re
from collections.abc import Mapping

MAX_DEPTH = 16
LARGEST_NUMBER = 2**64

_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def problem_with_json(value: object, *, depth: int = 0) -> str | None:
    """Return why a JSON value is refused, in a sentence that quotes nothing; None if it is accepted."""
    if depth > MAX_DEPTH:
        return f"Nest lists and objects at most {MAX_DEPTH} deep."
    if isinstance(value, Mapping):
        children = [*value.keys(), *value.values()]
    elif isinstance(value, list | tuple):
        children = list(value)
    else:
        return _problem_with_scalar(value)
    problems = (problem_with_json(child, depth=depth + 1) for child in children)
    return next((problem for problem in problems if problem), None)


def _problem_with_scalar(value: object) -> str | None:
    if isinstance(value, str):
        return "Remove NUL characters and unpaired surrogates." if _UNSTORABLE.search(value) else None
    if isinstance(value, int | float):
        return None if abs(value) <= LARGEST_NUMBER else "A number is too large."  # also refuses NaN
    return None if value is None else "This is not JSON."
