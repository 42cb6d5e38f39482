"""Binary data: what of it may be text, and so has to be searched."""

from codecs import utf_8_decode

from secrets_app.redaction.grams import SIZE
from secrets_app.redaction.views import NOT_CANONICAL, READABLE, SHORTEST_READABLE, runs_of, shape_of

_SHAPE = shape_of(READABLE + "\xc2\xe2\xef\xf0" + "".join(map(chr, range(0x80, 0xC0))))
"""Readable text, and the bytes in UTF-8 of full-width letters and of what stands invisibly between letters."""
_NO_LETTER = bytes(set(NOT_CANONICAL) - {0xEF, 0xF0})
"""All but letters and digits, and the bytes with which full-width letters and those of mathematics begin in UTF-8."""
_BEGINNING = 256


def legible(text: bytes) -> bytes:
    """Return a text as it is, but of binary data only the runs of 16 bytes or more that may be text.

    Every form of a value in which a gram shows is such a run, and however it is written, each character of the gram
    takes a letter or a digit of it. Sound and pictures hold next to no such runs.
    """
    if _is_utf_8(text):
        return text
    runs = runs_of(text, _SHAPE, SHORTEST_READABLE)
    return b"\0".join([run for run in runs if len(run.translate(None, _NO_LETTER)) >= SIZE])


def is_binary(text: bytes) -> bool:
    """Return whether nothing in a text may be text, or the beginning of one."""
    return not _is_utf_8(text) and SHORTEST_READABLE not in text.translate(_SHAPE)


def _is_utf_8(text: bytes) -> bool:
    """Return whether bytes are UTF-8, but for characters at both ends that are not all there.

    Binary data shows in its first bytes. They are looked at alone, because an error copies all that was to be decoded.
    """
    if text.isascii():
        return True
    start = next((at for at, byte in enumerate(text[:4]) if byte & 0xC0 != 0x80), 0)  # noqa: PLR2004 - UTF-8
    try:
        utf_8_decode(text[start:_BEGINNING], "strict", False)
        utf_8_decode(text[start:], "strict", False)
    except UnicodeDecodeError:
        return False
    return True
