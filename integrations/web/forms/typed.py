"""Texts as JSON values of the types that the page offers for a parameter."""

import json
import re
from collections.abc import Callable
from typing import Any

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_TRUTH = {"true": True, "false": False}


def as_text(value: Any) -> str:
    """A JSON value as it is typed: a text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError
    return int(text)


def _number(text: str) -> int | float:
    if not _NUMBER.fullmatch(text):
        raise ValueError
    return float(text) if "." in text else int(text)


def _truth(text: str) -> bool:
    if text not in _TRUTH:
        raise ValueError
    return _TRUTH[text]


READERS: dict[str, Callable[[str], Any]] = {"string": str, "integer": _whole, "number": _number, "boolean": _truth}
"""How a text of each type is read; each raises ValueError for a text that is not of its type."""
