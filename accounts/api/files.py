"""Files that are streamed: CSV for spreadsheets, JSON Lines for programs."""

import csv
import io
from collections.abc import AsyncIterator, Iterator, Sequence
from enum import StrEnum

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

from accounts.audit.wording import visible
from accounts.common.database import in_database

FORMULA = set("=+-@\t\r\n|%＝＋－＠")  # noqa: RUF001 - full-width signs start a formula in some spreadsheets too
JSON = "application/json"
TEXT = {"schema": {"type": "string"}}


class Format(StrEnum):
    """The two file formats; the value is the file name extension."""

    CSV = "csv"
    JSON_LINES = "jsonl"

    @property
    def content_type(self) -> str:
        """The media type of a file."""
        return "text/csv; charset=utf-8; header=present" if self is Format.CSV else "application/x-ndjson"


FILES = {
    "text/csv": Format.CSV,
    "application/x-ndjson": Format.JSON_LINES,
    "application/jsonl": Format.JSON_LINES,
}
"""The formats by the media types that a caller of the API accepts."""


def wanted_format(request: HttpRequest) -> Format | None:
    """Return the format that a caller of the API prefers to JSON; None if it is JSON."""
    return FILES.get(request.get_preferred_type([JSON, *FILES]) or JSON)


def streamed_file(
    request: HttpRequest, name: str, file_format: Format, chunks: Iterator[bytes]
) -> StreamingHttpResponse:
    """Return a streaming response with a file of this name, to which the extension is added."""
    return StreamingHttpResponse(
        _from_database(chunks) if isinstance(request, ASGIRequest) else chunks,
        content_type=file_format.content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}.{file_format.value}"'},
    )


def cell(text: str) -> str:
    """Return a text that a spreadsheet shows but does not evaluate.

    Control characters are escaped, and a text that would start a formula is prefixed with `'`.
    """
    return visible(f"'{text}" if text.lstrip(" ")[:1] in FORMULA and text.strip(" ") else text)


def csv_rows(rows: Sequence[Sequence[str]]) -> bytes:
    """Return rows as CSV. Cells that hold texts of people or programs are passed through `cell` before."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()


async def _from_database(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the chunks, each read in a database thread.

    Django would otherwise read all of them into memory before an asynchronous server sends the first.
    """
    while (chunk := await in_database(next, chunks, None)) is not None:
        yield chunk
