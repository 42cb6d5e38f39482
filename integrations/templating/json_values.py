"""What JSON from outside may hold before anything looks at its meaning.

Owns: limits that keep later code simple: text that is valid Unicode, numbers that every JSON reader holds, a depth that
no recursion minds. It knows nothing of schemas.
"""

import re
from collections.abc import Mapping

MAX_DEPTH = 16
LARGEST_NUMBER = 2**64

_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def problem_with_json(value: object, *, depth: int = 0) -> str | None:
    """Why this JSON value is refused, as a sentence that quotes nothing; None when it can be used."""
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
        return None if abs(value) <= LARGEST_NUMBER else "A number is too large."  # NaN is not smaller than anything
    return None if value is None else "This is not JSON."
