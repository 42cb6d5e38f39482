"""What an agent chose of a call: its arguments as a list, and the texts to mark in the masked request."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from accounts.audit.wording import visible

SHORTEST = 2
"""Characters of a text that is marked. A single one would be found everywhere."""
MARKED_AT_MOST = 200
SHOWN_AT_MOST = 50
LONGEST_SHOWN = 300


def facts_of(params: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return arguments as names and texts, at most `SHOWN_AT_MOST`, each of at most `LONGEST_SHOWN` characters."""
    return [(visible(name), visible(_text(value))) for name, value in list(params.items())[:SHOWN_AT_MOST]]


def chosen_texts(params: Mapping[str, Any]) -> list[str]:
    """Return the texts and numbers among arguments as a request may have them, the longest first."""
    found = {form for leaf in _leaves(params) for form in _forms(leaf) if len(form) >= SHORTEST}
    return sorted(found, key=lambda text: (-len(text), text))[:MARKED_AT_MOST]


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        for child in value.values():
            yield from _leaves(child)
    elif isinstance(value, list | tuple):
        for child in value:
            yield from _leaves(child)
    else:
        yield value


def _forms(leaf: object) -> Iterator[str]:
    """Yield how a text may stand in a JSON body, an address or a header. Truth values are everywhere, so not marked."""
    if isinstance(leaf, str):
        yield from (leaf, json.dumps(leaf, ensure_ascii=False)[1:-1], json.dumps(leaf)[1:-1], quote(leaf, safe=""))
    elif isinstance(leaf, int | float) and not isinstance(leaf, bool):
        yield str(leaf)


def _text(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
