"""Rows of a form that are sent as parallel fields (`header_name`, `header_value`), one list for each column."""

from collections.abc import Mapping
from itertools import zip_longest
from types import MappingProxyType

from django.http import QueryDict

from accounts.errors import FieldError
from integrations.web.forms.base import plain_lines

Row = dict[str, str]


def read_rows(post: QueryDict, columns: Mapping[str, str], words: str) -> tuple[list[Row], list[FieldError]]:
    """Read all rows, including blank ones.

    Args:
        columns: the keys of a row, each with the name of its field.
        words: a description of the rows for the message about incomplete columns.
    """
    lists = [post.getlist(name) for name in columns.values()]
    rows = [
        {column: plain_lines(cell) for column, cell in zip(columns, cells, strict=True)}
        for cells in zip_longest(*lists, fillvalue="")
    ]
    unequal = len({len(cells) for cells in lists}) > 1
    sentence = f"The {words} arrived incomplete. Check them and save again."
    return rows, [FieldError("", sentence)] if unequal else []


def read_pairs(
    post: QueryDict, prefix: str, words: str, more: Mapping[str, str] = MappingProxyType({})
) -> tuple[list[Row], list[FieldError]]:
    """Read rows of a name and a value; blank rows are left out.

    Args:
        more: further columns that the page may send, each with the value that is left out of its rows.
    """
    usual = {column: value for column, value in more.items() if f"{prefix}_{column}" in post}
    columns = {column: f"{prefix}_{column}" for column in ("name", "value", *usual)}
    rows, problems = read_rows(post, columns, words)
    filled = [row for row in rows if row["name"].strip() or row["value"].strip()]
    return [{column: cell for column, cell in row.items() if usual.get(column) != cell} for row in filled], problems
