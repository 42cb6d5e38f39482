"""Keyset paging: a cursor holds the sort key of the last row of a page, so every page of a list costs the same."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.common.texts import UNSTORABLE
from accounts.common.when import in_utc
from accounts.errors import FieldError, Invalid

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 200

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows, and the cursor of the next page; None on the last page."""

    items: list[T]
    next_cursor: str | None


def encode_cursor(key: list[Any]) -> str:
    """Encode a sort key of texts and numbers as URL-safe text."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, *, length: int) -> list[str]:
    """Return the sort key in a cursor, as `length` texts.

    Raises:
        Invalid: no page of this list returned this cursor.
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


def newest_first(rows: QuerySet[Any], *, cursor: str, limit: int) -> Page[Any]:
    """Return one page of rows by `created_at`, the newest first; rows of one moment by id.

    Raises:
        Invalid: the cursor does not belong to this list.
    """
    if cursor:
        moment, last = moment_and_id(cursor)  # the first condition bounds the scan of an index
        rows = rows.filter(Q(created_at__lte=moment) & (Q(created_at__lt=moment) | Q(pk__lt=last)))
    found = list(rows.order_by("-created_at", "-pk")[: limit + 1])
    if len(found) <= limit:
        return Page(found, None)
    return Page(found[:limit], encode_cursor([found[limit - 1].created_at.isoformat(), str(found[limit - 1].pk)]))


def moment_and_id(cursor: str) -> tuple[datetime, UUID]:
    """Return the moment and the id in a cursor of a list by time.

    Raises:
        Invalid: no page of this list returned this cursor.
    """
    text, last = decode_cursor(cursor, length=2)
    try:
        return in_utc(datetime.fromisoformat(text)), UUID(last)
    except ValueError:
        raise not_of_this_list() from None


def page_of(rows: Iterable[T], key: Callable[[T], str], *, cursor: str, limit: int) -> Page[T]:
    """Return one page of rows that are in memory.

    Args:
        rows: in the order of their keys.
        key: the text that orders a row, different for each.
        cursor: of the page before; empty for the first page.

    Raises:
        Invalid: the cursor does not belong to this list.
    """
    after = decode_cursor(cursor, length=1)[0] if cursor else None
    left = [row for row in rows if after is None or key(row) > after]
    shown = left[:limit]
    return Page(shown, encode_cursor([key(shown[-1])]) if len(left) > limit else None)


def not_of_this_list() -> Invalid:
    """Return the refusal of a cursor that does not belong to the list."""
    errors = [FieldError("cursor", "Use the next_cursor of the previous page.")]
    return Invalid("The cursor does not belong to this list.", errors=errors)
