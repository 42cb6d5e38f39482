"""Decompression, under the limit of a body.

A single `gzip`, `deflate`, `br` or `zstd` encoding is decompressed (docs/security-rules.md, "Responses"). Any other
encoding could hide a value from masking, so the body is reported as unreadable. What is compressed without saying so
is recognized by `secrets_app/redaction/archives.py`.
"""

import sys
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import brotli

from integrations.errors import ResponseTooLarge
from integrations.exchange.messages import LARGEST_RESPONSE

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_GZIP = 16 + zlib.MAX_WBITS
_ZLIB = zlib.MAX_WBITS
_RAW_DEFLATE = -zlib.MAX_WBITS
_MOST_STREAMS = 100
_ZSTD_WINDOW = 23  # RFC 8878 section 3.1.1.1.2: 8 MiB

NO_CODING = {"", "identity", "none", "binary", "7bit", "8bit", "utf-8", "utf8"}
"""What stands in Content-Encoding without naming a coding: character sets, and codings of mail."""


def decode(body: bytes, encodings: list[str], *, limit: int) -> bytes | None:
    """Return the decompressed body; None if it cannot be read.

    Args:
        encodings: the names in Content-Encoding, in lower case.
        limit: the most bytes of the decompressed body.

    Raises:
        ResponseTooLarge: the decompressed body exceeds the limit.
    """
    applied = [name for name in encodings if name not in NO_CODING]
    if not applied or not body:
        return body
    readers = _READERS.get(applied[0], ()) if len(applied) == 1 else ()
    for read in readers:
        plain = read(body, limit)
        if plain is not None and len(plain) > limit:
            raise beyond(limit, " once decompressed")
        if plain is not None:
            return plain
    return None


def beyond(limit: int, when: str = "") -> ResponseTooLarge:
    """Return the refusal of a body that is larger than its limit."""
    raised = f"An API action sets this limit with max_response_bytes, up to {LARGEST_RESPONSE}."
    return ResponseTooLarge(f"The response is larger than {limit} bytes{when}. {raised}")


# Each reader returns at most one byte more than the limit, and None unless the body is exactly one complete stream.


def _gzip(body: bytes, limit: int) -> bytes | None:
    """Read one member or several (RFC 1952 section 2.2)."""
    return _joined(body, limit, lambda: zlib.decompressobj(_GZIP), zlib.error)


def _zlib(body: bytes, limit: int) -> bytes | None:
    return _inflate(body, _ZLIB, limit)


def _deflate(body: bytes, limit: int) -> bytes | None:
    return _inflate(body, _RAW_DEFLATE, limit)


def _inflate(body: bytes, window: int, limit: int) -> bytes | None:
    stream = zlib.decompressobj(window)
    try:
        plain = stream.decompress(body, limit + 1)
    except zlib.error:
        return None
    return plain if len(plain) > limit or (stream.eof and not stream.unused_data) else None


def _brotli(body: bytes, limit: int) -> bytes | None:
    stream = brotli.Decompressor()
    plain = bytearray()
    data = body
    try:
        while len(plain) <= limit and not stream.is_finished():
            piece = stream.process(data, output_buffer_limit=limit + 1 - len(plain))
            if not piece and (not data or stream.can_accept_more_data()):
                break  # it ended too early
            plain += piece
            data = b""
    except brotli.error:
        return None
    return bytes(plain[: limit + 1]) if len(plain) > limit or stream.is_finished() else None


def _zstd(body: bytes, limit: int) -> bytes | None:
    """Read one frame or several (RFC 8878 section 3.1), with the window that the RFC asks decoders to support."""
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW}
    return _joined(body, limit, lambda: zstd.ZstdDecompressor(options=options), zstd.ZstdError)


def _joined(body: bytes, limit: int, decompressor: Callable[[], Any], error: type[Exception]) -> bytes | None:
    """Read streams that follow each other: at most `_MOST_STREAMS`, because what follows is copied for each."""
    plain = bytearray()
    for _ in range(_MOST_STREAMS):
        stream = decompressor()
        try:
            plain += stream.decompress(body, limit + 1 - len(plain))
        except error:
            return None
        if len(plain) > limit:
            return bytes(plain)
        if not stream.eof:
            return None
        body = stream.unused_data
        if not body:
            return bytes(plain)
    return None


# Servers send "deflate" with the zlib wrapper that RFC 9110 requires, or without it.
_READERS: Mapping[str, tuple[Callable[[bytes, int], bytes | None], ...]] = {
    "gzip": (_gzip,),
    "x-gzip": (_gzip,),
    "deflate": (_zlib, _deflate),
    "br": (_brotli,),
    "zstd": (_zstd,),
}
