"""The rule for secret names (docs/concepts.md, "Names"): one place for form, API, constraint and placeholder grammar.

Uniqueness, also without regard to case, is a database constraint and not decided here.
"""

import re
import unicodedata

MAX_LENGTH = 128

NAME = r"[A-Za-z][A-Za-z0-9_.-]*"
"""A name inside other text, as the placeholder grammar needs it. Unanchored, of any length."""

PATTERN = rf"\A[A-Za-z][A-Za-z0-9_.-]{{0,{MAX_LENGTH - 1}}}\Z"
"""A whole name. Only what Python's `re` and PostgreSQL's `~` read alike; `$` would accept a trailing line break."""

_VALID = re.compile(PATTERN)
_DASHES_AND_SPACES = re.compile(r"[\s\-\u2010-\u2015\u2212]+")
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_.\s\-\u2010-\u2015\u2212]")
_LEADING_NON_LETTERS = re.compile(r"\A[^A-Za-z]+")

GENERIC = r"\A(api[-_.]?key|token|secret|password|key)[0-9]*\Z"
"""A whole name that says nothing about its purpose, in any case. Read alike by Python's `re` and PostgreSQL's `~*`."""

_GENERIC = re.compile(GENERIC, re.IGNORECASE | re.ASCII)


def problem_with_name(name: str) -> str | None:
    """Why this is not a name, as a sentence with the way out; None when it is one."""
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
    """A valid name made of what a person typed, or "" when nothing of it can be used.

    `HubSpot API key / production` becomes `HubSpot-API-key-production`; accents are dropped from letters.
    """
    if _VALID.search(text):
        return text
    kept = _NOT_ALLOWED.sub("", unicodedata.normalize("NFKD", text))  # NFKD parts a letter from its accent
    dashed = _DASHES_AND_SPACES.sub("-", kept)
    return _LEADING_NON_LETTERS.sub("", dashed)[:MAX_LENGTH].rstrip("-.")


def is_generic(name: str) -> bool:
    """Whether a valid name says nothing about its purpose: `token`, `api_key2`."""
    return _GENERIC.search(name) is not None
