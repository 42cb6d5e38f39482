"""Undoing the compression of an answer, within a limit, and telling a compressed body that nobody announced.

Owns: which encodings are undone, `gzip` or `deflate` applied once (docs/security-rules.md, "Responses"), and which
formats are known by how they begin. Anything else could hide a value from the masking, so the caller is told that the
body cannot be read. Formats that compress something inside, such as PNG and PDF, are not told (docs/crypto.md).
"""

import zlib
from collections.abc import Mapping

from integrations.errors import ResponseTooLarge

_GZIP = 16 + zlib.MAX_WBITS
_ZLIB = zlib.MAX_WBITS
_RAW_DEFLATE = -zlib.MAX_WBITS
_ENOUGH_BYTES = 64 * 1024  # no other format inflates this far by chance
# Servers send "deflate" both with the zlib wrapper that RFC 9110 asks for and without it.
_WINDOWS: Mapping[str, tuple[int, ...]] = {"gzip": (_GZIP,), "x-gzip": (_GZIP,), "deflate": (_ZLIB, _RAW_DEFLATE)}

# The first bytes of a file that is compressed as a whole, or an archive; zlib and deflate have none and are tried.
_SIGNATURES = (
    b"\x1f\x8b",  # gzip, RFC 1952 section 2.3.1
    b"PK\x03\x04",  # zip, and with it docx, xlsx, jar: a file
    b"PK\x05\x06",  # zip: no file in it
    b"PK\x07\x08",  # zip: in parts
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
    """Whether a body that is no text is compressed or an archive in one of the formats known here, whole or cut off."""
    return body.startswith(_SIGNATURES) or _inflates(body)


def decode(body: bytes, encodings: list[str], *, limit: int) -> bytes | None:
    """The plain body, or None when it cannot be read; `encodings` are the names in Content-Encoding, lower-case.

    Raises ResponseTooLarge when more than `limit` bytes come out.
    """
    applied = [name for name in encodings if name not in {"", "identity"}]
    if not applied or not body:
        return body
    if len(applied) > 1:
        return None
    for window in _WINDOWS.get(applied[0], ()):
        plain = _inflate(body, window, limit)
        if plain is not None:
            return plain
    return None


def _inflate(body: bytes, window: int, limit: int) -> bytes | None:
    """The inflated body, or None unless `body` is one complete stream and nothing after it."""
    stream = zlib.decompressobj(window)
    try:
        plain = stream.decompress(body, limit + 1)
    except zlib.error:
        return None
    if len(plain) > limit:
        raise ResponseTooLarge(f"The answer holds more than {limit} bytes once decompressed.")
    return plain if stream.eof and not stream.unused_data else None


def _inflates(body: bytes) -> bool:
    """Whether `body` begins with a zlib stream (RFC 1950): something comes out of it, and no error on the way.

    Or whether it is one whole deflate stream (RFC 1951), which has no head to know it by.
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
