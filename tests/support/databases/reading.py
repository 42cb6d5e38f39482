"""What somebody reads who has a copy of the database and no key of the installation."""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import suppress

from django.db import connection


def everything() -> Iterator[tuple[str, bytes]]:
    """Every cell of every table with the name of its column, also as it reads when what anybody can undo is undone."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            columns = [f"{table}.{column[0]}" for column in cursor.description]
            for row in cursor.fetchall():
                for column, cell in zip(columns, row, strict=True):
                    for text in undone(_as_bytes(cell)):
                        yield column, text


def undone(cell: bytes) -> Iterator[bytes]:
    """A cell, its parts without base64, and those without compression: so Django writes what it signs."""
    yield cell
    for part in {cell, *cell.split(b":")}:
        with suppress(binascii.Error, ValueError):
            plain = base64.b64decode(part.lstrip(b".") + b"=" * (-len(part.lstrip(b".")) % 4), altchars=b"-_")
            yield plain
            with suppress(zlib.error):
                yield zlib.decompress(plain)


def columns_with(token: str) -> set[str]:
    """The columns in which a token can be read, spelt with or without its hyphens, or as a plain digest of a code.

    A plain digest of a long random token tells nothing; one of a short code is found by trying all codes.
    """
    bare = token.replace("-", "").replace(" ", "")
    forms = {token.encode(), bare.encode()}
    if len(bare) <= 16:
        forms |= {digest for text in (token, bare) for digest in _digests(text.encode())}
    return {column for column, text in everything() if any(form in text for form in forms)}


def _digests(text: bytes) -> Iterator[bytes]:
    for algorithm in ("md5", "sha1", "sha256"):
        digest = hashlib.new(algorithm, text)
        yield digest.digest()
        yield digest.hexdigest().encode()


def _as_bytes(cell: object) -> bytes:
    return bytes(cell) if isinstance(cell, bytes | memoryview | bytearray) else str(cell).encode()
