"""Recognizing compressed texts and archives by their first bytes: what cannot be searched for values.

Formats that compress only parts, such as PNG and PDF, are not recognized (docs/crypto.md). Only what was decoded from
base64 is inflated to be searched.
"""

import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

LARGEST_INFLATED, MOST_INFLATED = 1024 * 1024, 8
"""Of a text, so many compressed pieces are inflated, each to so many bytes at most."""

_ZLIB = zlib.MAX_WBITS
_RAW_DEFLATE = -zlib.MAX_WBITS
_GZIP_OR_ZLIB = 47
_BEGINNING = re.compile(rb"\0\0\0[^\0]{0,9}?(?=\x1f\x8b|\x78[\x01\x5e\x9c\xda])")
"""Where something compressed begins: with a run, or behind up to twelve characters that belong to something else."""
_ENOUGH_BYTES = 64 * 1024  # no other format inflates to this size by chance

# The first bytes of compressed files and archives. Streams of zlib and deflate are recognized by inflating them.
_SIGNATURES = (
    b"\x1f\x8b",  # gzip, RFC 1952 section 2.3.1
    b"PK\x03\x04",  # zip, and with it docx, xlsx, jar: a file
    b"PK\x05\x06",  # zip: empty archive
    b"PK\x07\x08",  # zip: split archive
    b"BZh",  # bzip2
    b"\xfd7zXZ\x00",  # xz
    b"\x28\xb5\x2f\xfd",  # zstd, RFC 8878 section 3.1.1
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"\x1f\x9d",  # compress
    b"\x1f\xa0",
    b"\x04\x22\x4d\x18",  # lz4, frame format
    b"LZIP",
    b"\x5d\x00\x00",  # lzma, the format before xz
    b"\xff\x06\x00\x00sNaPpY",
)


def is_compressed(body: bytes) -> bool:
    """Return whether a body is compressed or an archive in a known format, complete or truncated."""
    return body.startswith(_SIGNATURES) or _inflates(body)


def _inflates(body: bytes) -> bool:
    """Return whether a body begins with a zlib stream (RFC 1950), or is one complete deflate stream (RFC 1951).

    Raw deflate has no header, so it is recognized only as a whole.
    """
    try:
        if zlib.decompressobj(_ZLIB).decompress(body, _ENOUGH_BYTES):
            return True
    except zlib.error:
        pass
    stream = zlib.decompressobj(_RAW_DEFLATE)
    try:
        plain = stream.decompress(body, _ENOUGH_BYTES)
    except zlib.error:
        return False
    return len(plain) == _ENOUGH_BYTES or (stream.eof and plain != b"" and not stream.unused_data)


def inflated_in(decoded: bytes) -> Iterator[bytes]:
    """Yield what the compressed pieces say in runs that were decoded, in front of each of which stand three NULs."""
    for packed in islice(_BEGINNING.finditer(decoded), MOST_INFLATED):
        yield _inflated(decoded[packed.end() :])


def _inflated(piece: bytes) -> bytes:
    with suppress(zlib.error):
        return zlib.decompressobj(_GZIP_OR_ZLIB).decompress(piece, LARGEST_INFLATED)
    return b""
