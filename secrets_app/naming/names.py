"""The rule for secret names (docs/concepts.md, "Names"), shared by form, API, constraint and placeholder grammar.

Uniqueness, which ignores case, is a database constraint.
"""

import re
import unicodedata

MAX_LENGTH = 128

NAME = r"[A-Za-z][A-Za-z0-9_.-]*"
"""A name inside other text, for the placeholder grammar. It is not anchored and has no maximum length."""

PATTERN = rf"\A[A-Za-z][A-Za-z0-9_.-]{{0,{MAX_LENGTH - 1}}}\Z"
"""A whole name, in syntax that Python's `re` and PostgreSQL's `~` share. `$` would accept a trailing line break."""

_VALID = re.compile(PATTERN)
_DASHES_AND_SPACES = re.compile(r"[\s\-\u2010-\u2015\u2212]+")
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_.\s\-\u2010-\u2015\u2212]")
_LEADING_NON_LETTERS = re.compile(r"\A[^A-Za-z]+")

GENERIC = r"\A(api[-_.]?key|token|secret|password|key)[0-9]*\Z"
"""A whole name without a purpose, ignoring case. Python's `re` and PostgreSQL's `~*` read it alike."""

_GENERIC = re.compile(GENERIC, re.IGNORECASE | re.ASCII)


def problem_with_name(name: str) -> str | None:
    """Return a sentence that says why a name is not valid and how to fix it, or None if it is valid."""
    if _VALID.search(name):
        return None
    if not name:
        return "Enter a name."
    if len(name) > MAX_LENGTH:
        return f"Use at most {MAX_LENGTH} characters."
    rule = "Start with a letter, then use letters, digits, “_”, “-” and “.” only."
    proposal = propose_name(name)
    return f"{rule} For example: {proposal}" if proposal else rule


def propose_name(text: str) -> str:
    """Return a valid name derived from what a person typed, or "" if no character can be kept.

    `HubSpot API key / production` becomes `HubSpot-API-key-production`. Letters lose their accents.
    """
    if _VALID.search(text):
        return text
    kept = _NOT_ALLOWED.sub("", unicodedata.normalize("NFKD", text))  # NFKD separates a letter from its accent
    dashed = _DASHES_AND_SPACES.sub("-", kept)
    return _LEADING_NON_LETTERS.sub("", dashed)[:MAX_LENGTH].rstrip("-.")


def is_generic(name: str) -> bool:
    """Whether a valid name says nothing about its purpose: `token`, `api_key2`."""
    return _GENERIC.search(name) is not None
