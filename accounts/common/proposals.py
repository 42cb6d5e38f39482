"""The sentence about a name that does not exist: which names do, and which of them was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches

LONGEST = 64
"""Longer names are not compared: they are no misspelling, and comparing takes quadratic time."""


def no_such(thing: str, name: str, known: Iterable[str]) -> str:
    """Return a sentence that says that there is no such thing, and names those that there are.

    The unknown name is not repeated, because it may be part of a value.

    Args:
        thing: what the name should be the name of, such as "field".
        known: the names that exist.
    """
    names = sorted(known)
    if not names:
        return f"There is no such {thing}, and there are no others."
    nearest = get_close_matches(name, names, n=1) if len(name) <= LONGEST else []
    proposal = f" Did you mean {nearest[0]}?" if nearest else ""
    return f"There is no such {thing}.{proposal} There are {', '.join(names)}."
