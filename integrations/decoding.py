"""Undoing the compression of an answer, within a limit.

Owns: which encodings are undone, `gzip` or `deflate` applied once (SECURITY section 3 rule 16). Anything else could
hide a value from the masking, so the caller is told that the body cannot be read.
"""

import zlib
from collections.abc import Mapping

from integrations.errors import ResponseTooLarge

_GZIP = 16 + zlib.MAX_WBITS
_ZLIB = zlib.MAX_WBITS
_RAW_DEFLATE = -zlib.MAX_WBITS
# Servers send "deflate" both with the zlib wrapper that RFC 9110 asks for and without it.
_WINDOWS: Mapping[str, tuple[int, ...]] = {"gzip": (_GZIP,), "x-gzip": (_GZIP,), "deflate": (_ZLIB, _RAW_DEFLATE)}


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
