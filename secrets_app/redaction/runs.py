"""Runs of characters of one kind in a text, found without looking at each character in Python."""

from collections.abc import Iterator

READABLE = "".join(map(chr, range(32, 127))) + "\t\r\n\0"  # with NUL, for UTF-16
SHORTEST_READABLE = b"a" * 16


def shape_of(characters: str) -> bytes:
    """Return the table that makes `a` of some characters, and a space of others."""
    return bytes(97 if chr(byte) in characters else 32 for byte in range(256))


def runs_of(text: bytes, shape: bytes, shortest: bytes) -> Iterator[bytes]:
    """Yield each run of at least so many characters of one kind.

    The search runs over the shape of the text (`a` for a character of the kind, else a space), at the speed of
    `bytes.find`.
    """
    kinds = text.translate(shape)
    at = kinds.find(shortest)
    while at >= 0:
        end = kinds.find(b" ", at)
        end = len(kinds) if end < 0 else end
        yield text[at:end]
        at = kinds.find(shortest, end)
