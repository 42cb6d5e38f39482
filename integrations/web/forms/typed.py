"""Converting between texts and JSON values of the parameter types that the page offers."""

import re
from collections.abc import Callable
from typing import Any

from accounts.common.fields import WrittenNumber, write_json

_WHOLE = re.compile(r"[+-]?[0-9]{1,64}", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,63})(\.[0-9]{1,64})?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}


def as_text(value: Any) -> str:
    """Return a JSON value as typed: a string unchanged, anything else as JSON."""
    return value if isinstance(value, str) else write_json(value, is_ascii=False)


def _integer(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError
    return int(text)


def _number(text: str) -> int | float:
    if not _NUMBER.fullmatch(text):
        raise ValueError
    return WrittenNumber(text) if "." in text else int(text)


def _boolean(text: str) -> bool:
    if text not in _BOOLEANS:
        raise ValueError
    return _BOOLEANS[text]


READERS: dict[str, Callable[[str], Any]] = {"string": str, "integer": _integer, "number": _number, "boolean": _boolean}
"""Parses a text of each type; raises ValueError if the text is not of its type."""
