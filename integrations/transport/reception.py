"""Limits on receiving a response, and decompression.

The limits of headers and body (`client.py`) apply to the content of a response. The limits here apply to all received
bytes: interim responses, chunk extensions and trailers carry no content but could keep a processor busy until the
deadline.

A single `gzip` or `deflate` encoding is decompressed (docs/security-rules.md, "Responses"). Any other encoding could
hide a value from masking, so the body is reported as unreadable. Compressed bodies without a declared encoding are
recognized by their first bytes. Formats that compress only parts, such as PNG and PDF, are not (docs/crypto.md).
"""

import zlib
from collections.abc import Mapping
from typing import Any

from aiohttp.client_proto import ResponseHandler
from aiohttp.helpers import set_exception

from integrations.errors import ResponseTooLarge

MOST_BYTES = 3 * 1024 * 1024
"""The limit of all bytes of a response: twice the largest body and headers, with a margin."""
MOST_INTERIM = 16
"""The limit of interim responses (RFC 9110 section 15.2) before the final response."""

_FINAL = 200
_SWITCHING = 101

_GZIP = 16 + zlib.MAX_WBITS
_ZLIB = zlib.MAX_WBITS
_RAW_DEFLATE = -zlib.MAX_WBITS
_ENOUGH_BYTES = 64 * 1024  # no other format inflates to this size by chance
# Servers send "deflate" with the zlib wrapper that RFC 9110 requires, or without it.
_WINDOWS: Mapping[str, tuple[int, ...]] = {"gzip": (_GZIP,), "x-gzip": (_GZIP,), "deflate": (_ZLIB, _RAW_DEFLATE)}

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


class BoundedHandler(ResponseHandler):
    """Reads responses like its base class, and closes the connection when a limit is exceeded."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._begin()

    def set_response_params(self, **params: Any) -> None:
        """Reset the limits; the client calls this before each request."""
        self._begin()
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Count and process received bytes."""
        self._bytes += len(data)
        if self._bytes > MOST_BYTES:
            self._refuse(f"The response takes more than {MOST_BYTES} bytes.")
        elif not self._is_refused:
            super().data_received(data)

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Count and process a parsed response, which may be an interim response."""
        code = data[0].code
        if code < _FINAL and code != _SWITCHING:
            self._interim += 1
        if self._interim > MOST_INTERIM:
            self._refuse(f"There are more than {MOST_INTERIM} interim responses.")
        else:
            super().feed_data(data, size)

    def _begin(self) -> None:
        self._bytes = self._interim = 0
        self._is_refused = False

    def _refuse(self, sentence: str) -> None:
        if self._is_refused:
            return
        self._is_refused = True
        refusal, payload = ResponseTooLarge(sentence), self._payload
        self.set_exception(refusal)
        if payload is not None:
            set_exception(payload, refusal)
        if self.transport is not None:
            self.transport.abort()


def is_compressed(body: bytes) -> bool:
    """Return whether a body is compressed or an archive in a known format, complete or truncated."""
    return body.startswith(_SIGNATURES) or _inflates(body)


def decode(body: bytes, encodings: list[str], *, limit: int) -> bytes | None:
    """Return the decompressed body; None if it cannot be read.

    Args:
        encodings: the names in Content-Encoding, in lower case.
        limit: the most bytes of the decompressed body.

    Raises:
        ResponseTooLarge: the decompressed body exceeds the limit.
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
    """Return the decompressed body; None unless it is exactly one complete stream."""
    stream = zlib.decompressobj(window)
    try:
        plain = stream.decompress(body, limit + 1)
    except zlib.error:
        return None
    if len(plain) > limit:
        raise ResponseTooLarge(f"The response is larger than {limit} bytes once decompressed.")
    return plain if stream.eof and not stream.unused_data else None


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
