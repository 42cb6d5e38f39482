"""Cutting a value out of a text, in the spellings in which upstreams usually return it.

What cannot be cut withholds the text: the redactor searches again after each cut. All searches are `bytes.find` in
lower case, linear in the text.
"""

import html
import json
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from secrets_app.plaintext import MIN_LENGTH, Plaintext
from secrets_app.redaction.components import components_of

MOST_WORK = 64 * 1024 * 1024
"""Bytes that the cuts of one text may look at: the text's length times the number of spellings."""
MOST_SPELLINGS = 24
"""Spellings that are searched for in a text of any length: those of a value or two."""

Span = tuple[int, int]


class CannotCut(Exception):  # noqa: N818 - a result that the redactor turns into a withheld text
    """The value repeats itself, or cutting would take too long."""


def spans_of(text: bytes, values: Iterable[Plaintext]) -> list[Span]:
    """Return where a text contains values, in order and without overlaps.

    Raises:
        CannotCut: an occurrence overlaps itself, so that ends of it would stay; or there are too many values.
    """
    lower = text.lower()
    spellings = {spelling for value in values for spelling in _spellings(value.expose())}
    if len(spellings) > MOST_SPELLINGS and len(spellings) * len(lower) > MOST_WORK:
        raise CannotCut
    return _merged(span for spelling in spellings for span in _occurrences(lower, spelling))


def longest_spelling(values: Iterable[Plaintext]) -> int:
    """Return the length of the longest spelling that can be cut out, in bytes."""
    return max((len(spelling) for value in values for spelling in _spellings(value.expose())), default=0)


def _spellings(value: str) -> set[bytes]:
    """Return a value and its parts as they are usually written, in lower case."""
    texts = {value, value.strip(), *(text for text, _ in components_of(value))}
    variants = set().union(*map(_variants, texts))
    written = filter(lambda form: len(form) >= MIN_LENGTH, set().union(*map(_forms, variants)))
    narrow = {form.encode(codec, "replace") for form in written for codec in ("utf-8", "latin-1")}
    wide = {value.encode(codec, "replace") for codec in ("utf-16-le", "utf-16-be")}
    return {spelling.lower() for spelling in narrow | wide}


def _variants(text: str) -> set[str]:
    """Return a text with and without hyphens, with each kind of line break."""
    lines = text.encode("utf-8", "replace").decode().replace("\r\n", "\n")
    broken = {text.encode("utf-8", "replace").decode(), *(lines.replace("\n", end) for end in ("", " ", "\r\n", "\n"))}
    return broken | {variant.replace("-", "") for variant in broken}


def _forms(text: str) -> set[str]:
    in_json = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    in_json |= {form.replace("/", r"\/") for form in in_json}
    return {text, *in_json, quote(text, safe=""), quote(text), quote_plus(text), html.escape(text)}


def _occurrences(text: bytes, spelling: bytes) -> Iterable[Span]:
    size = len(spelling)
    start = text.find(spelling)
    while start >= 0:
        end = start + size
        if text.find(spelling, start + 1, end + size - 1) >= 0:
            raise CannotCut
        yield start, end
        start = text.find(spelling, end)


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order, with overlapping and adjacent spans joined."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def replaced(text: bytes, spans: Iterable[Span], marker: bytes) -> bytes:
    """Return the text with a marker in place of each span."""
    pieces, at = [], 0
    for start, end in spans:
        pieces += [text[at:start], marker]
        at = end
    return b"".join([*pieces, text[at:]])
