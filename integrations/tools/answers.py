"""Answers that fit an agent: chosen fields, at most so many items of each list, at most so many characters.

The answer is masked before. What is left out is said with a way to ask for it; the API gives the whole answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.common.fields import write_json
from integrations.exchange.returns import choose

FEWEST_CHARACTERS, MOST_CHARACTERS = 1_000, 1_000_000
MOST_ITEMS = 100_000
SHORTEST_TEXT = 200
"""To how many characters the texts of a JSON answer are cut before its structure is given up."""

PAGING = (
    "cursor", "after", "before", "page", "offset", "skip", "start", "limit", "per_page", "page_size", "size", "take",
    "count", "fields", "filter", "query", "q", "search", "since", "until",
)  # fmt: skip
"""Parameters with which services let a caller ask for a part; the first of these are named to the agent."""
NAMED_AT_MOST = 4
NO_FIELDS = "The answer has none of the fields that this tool gives out."


@dataclass(frozen=True, slots=True)
class Limits:
    """What of an answer an agent gets.

    Attributes:
        fields: a JMESPath expression that makes the answer of a JSON body; empty for the whole.
        max_items: of each list; None for all.
        max_characters: of the whole body, as JSON or text.
    """

    fields: str = ""
    max_items: int | None = None
    max_characters: int = 50_000


@dataclass(frozen=True, slots=True)
class Fitted:
    """A body that fits, and what was left out of it, as a sentence; empty if nothing was."""

    body: Any
    cut: str = ""


def fit_json(body: Any, limits: Limits, parameters: Mapping[str, Any]) -> Fitted:
    """Return a parsed JSON body within the limits.

    A body that is too large loses the ends of its lists first, then the ends of its texts. If that is not enough, its
    JSON is cut as a text.

    Args:
        parameters: the schema of the tool's arguments, which may offer a way to ask for the rest.
    """
    if limits.fields:
        body = choose(body, limits.fields)
        if body is None:
            return Fitted(None, NO_FIELDS)
    longest, kept = _longest(body), limits.max_items
    if kept is not None:
        body = _shortened(body, kept, None)
    size = len(_text(body))
    if size <= limits.max_characters:
        is_cut = kept is not None and longest > kept
        return Fitted(
            body, _told(f"Each list was cut to {kept} of up to {longest} items.", parameters) if is_cut else ""
        )
    return _squeezed(body, min(longest, longest if kept is None else kept), size, limits, parameters)


def fit_text(text: str, limits: Limits, parameters: Mapping[str, Any]) -> Fitted:
    """Return a text within the limits."""
    if len(text) <= limits.max_characters:
        return Fitted(text)
    return Fitted(text[: limits.max_characters], _cut_after(limits.max_characters, len(text), parameters))


def _squeezed(body: Any, items: int, size: int, limits: Limits, parameters: Mapping[str, Any]) -> Fitted:
    """Return a body that is too large with fewer items, with shorter texts, or as the start of its JSON."""
    while items > 0:
        items //= 2
        fewer = _shortened(body, items, None)
        if len(_text(fewer)) <= limits.max_characters and items:
            return Fitted(
                fewer, _told(f"Each list was cut to {items} items: the whole has {size} characters.", parameters)
            )
    fewer = _shortened(body, 1, SHORTEST_TEXT)
    if len(_text(fewer)) <= limits.max_characters:
        told = f"Each list was cut to 1 item and each text to {SHORTEST_TEXT} characters of {size} together."
        return Fitted(fewer, _told(told, parameters))
    return Fitted(_text(body)[: limits.max_characters], _cut_after(limits.max_characters, size, parameters))


def _shortened(value: Any, items: int, characters: int | None) -> Any:
    """Return a JSON value with at most so many items of each list, and characters of each text."""
    if isinstance(value, list):
        return [_shortened(child, items, characters) for child in value[:items]]
    if isinstance(value, dict):
        return {name: _shortened(child, items, characters) for name, child in value.items()}
    is_long = isinstance(value, str) and characters is not None and len(value) > characters
    return f"{value[:characters]}…" if is_long else value


def _longest(value: Any) -> int:
    """Return the length of the longest list in a JSON value."""
    if isinstance(value, dict):
        return max(map(_longest, value.values()), default=0)
    return max([len(value), *map(_longest, value)]) if isinstance(value, list) else 0


def _text(body: Any) -> str:
    return write_json(body, is_ascii=False)


def _cut_after(characters: int, size: int, parameters: Mapping[str, Any]) -> str:
    return _told(f"Cut after {characters} of {size} characters.", parameters)


def _told(what: str, parameters: Mapping[str, Any]) -> str:
    """Return what was cut, and how to get the rest: by a parameter of the tool, or by a person."""
    declared = parameters.get("properties", {})
    ways = [name for name in PAGING if name in declared][:NAMED_AT_MOST]
    if ways:
        return f"{what} Ask for the rest by {', '.join(ways)}."
    return f"{what} Ask for less with the arguments; the whole answer is given by the API."
