"""Keyset paging: a cursor is the sort key of the last row seen, so a page costs the same wherever it is in the list."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from accounts.common.texts import UNSTORABLE
from accounts.errors import FieldError, Invalid

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 200

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows, and the cursor that continues after them; None at the end."""

    items: list[T]
    next_cursor: str | None


def encode_cursor(key: list[Any]) -> str:
    """A sort key (texts and numbers) as URL-safe text."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, *, length: int) -> list[str]:
    """The sort key in a cursor: `length` texts.

    Raises:
        Invalid: not a cursor that a page of this list gave out.
    """
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        key = None
    if (
        not isinstance(key, list)
        or len(key) != length
        or not all(isinstance(part, str) and not UNSTORABLE.search(part) for part in key)
    ):
        raise not_of_this_list()
    return key


def not_of_this_list() -> Invalid:
    """The refusal of a cursor that no page of this list gave out."""
    errors = [FieldError("cursor", "Use the next_cursor of the page before.")]
    return Invalid("Not a cursor of this list.", errors=errors)
