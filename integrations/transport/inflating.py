"""Decompressing a body as it arrives.

Coffer asks for no coding. Some servers compress all the same; `gzip` and `deflate` are undone piece by piece. Any other
coding could hide a value from masking, and so could data behind the end of a compressed stream.
"""

import zlib
from collections.abc import Iterator

from integrations.errors import ResponseUnreadable

PIECE_BYTES = 64 * 1024
"""The largest piece that a compressed piece is made into at once: little can become much."""

_GZIP = 16 + zlib.MAX_WBITS
_ZLIB = zlib.MAX_WBITS
_RAW_DEFLATE = -zlib.MAX_WBITS
_WINDOWS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _ZLIB}
_HEADER = 2


def can_inflate(codings: list[str]) -> bool:
    """Return whether a body with these codings can be decompressed as it arrives."""
    return len(codings) == 1 and codings[0] in _WINDOWS


class Inflating:
    """A body in one coding, which `can_inflate`."""

    def __init__(self, coding: str) -> None:
        self._window = _WINDOWS[coding]
        self._stream = zlib.decompressobj(self._window)
        self._waiting = b""
        self._has_begun = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield what can be decompressed now, in small pieces.

        Raises:
            ResponseUnreadable: it is not in this coding.
        """
        self._waiting += piece
        if not self._has_begun and len(self._waiting) < _HEADER:
            return
        self._begin()
        while self._waiting:
            plain = self._inflate()
            if plain:
                yield plain
            elif self._waiting and not self._stream.eof:
                break

    def end(self) -> None:
        """Check that the body has ended where its coding ends.

        Raises:
            ResponseUnreadable: it has not.
        """
        if (self._has_begun or self._waiting) and not self._stream.eof:
            raise _unreadable()

    def _begin(self) -> None:
        """Look whether `deflate` has the wrapper that RFC 9110 asks for; many servers leave it out."""
        if self._has_begun:
            return
        self._has_begun = True
        first, second = self._waiting[:_HEADER]
        if self._window == _ZLIB and (first & 0x0F != 8 or (first << 8 | second) % 31):  # noqa: PLR2004 - RFC 1950 section 2.2
            self._stream = zlib.decompressobj(_RAW_DEFLATE)

    def _inflate(self) -> bytes:
        if self._stream.eof:
            if self._window != _GZIP:
                raise _unreadable()
            self._stream = zlib.decompressobj(_GZIP)  # another member (RFC 1952 section 2.2)
        try:
            plain = self._stream.decompress(self._waiting, PIECE_BYTES)
        except zlib.error:
            raise _unreadable() from None
        self._waiting = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
        return plain


def _unreadable() -> ResponseUnreadable:
    return ResponseUnreadable("The response is not in the coding that it names.")
