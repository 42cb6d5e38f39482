"""Decoded views of a body: what a reader sees after undoing up to two layers of escaping.

See docs/security-rules.md, "Redaction".

Owns the undoing, which must neither fail nor run away on hostile bytes: each decoder is one pass, and what is not an
escape stays as it is. Base64 and compression are not undone here.
"""

import re
from collections.abc import Iterator
from html.entities import html5
from urllib.parse import unquote_to_bytes

_DEPTH = 2
_LONGEST_ENTITY = 31  # html5 names, without "&"
_HIGHEST_CODE_POINT = 0x10FFFF

_JSON_ESCAPE = re.compile(
    rb"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([\"'\\/bfnrt]))"
)
_JSON_CONTROLS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}

_HTML_ESCAPE = re.compile(
    rb"&(?:#0*([0-9]{1,7})(?![0-9])|#[xX]0*([0-9a-fA-F]{1,6})(?![0-9a-fA-F])|([A-Za-z0-9]{2,%d})(?=;)|(amp|lt|gt|quot));?"
    % _LONGEST_ENTITY
)

_MAY_BE_ESCAPED = re.compile(rb"[%+&\\]")
"""What every escape begins with, and a plus for a space. Leaving out blanks makes no new one of it."""

_BLANK_BYTES = b"\0\t\n\v\f\r "  # NUL too, which leaves the ASCII of UTF-16
_BLANK_CHARACTERS = re.compile(  # in UTF-8: no-break and soft hyphen, the zero-width and wide spaces, byte order mark
    rb"\xc2[\x85\xa0\xad]|\xe1\xa0\x8e|\xe2\x80[\x80-\x8f\xa8-\xaf]|\xe2\x81[\x9f-\xaf]|\xe3\x80\x80|\xef\xbb\xbf"
)


def decoded_views(body: bytes) -> Iterator[bytes]:
    """Every different result of undoing one or two layers of escaping, without the body itself."""
    if not _MAY_BE_ESCAPED.search(body):
        yield from {without_blanks(body)} - {body}
        return
    seen = layer = {body}
    for _ in range(_DEPTH):
        layer = {decode(view) for view in layer for decode in _DECODERS} - seen
        seen = seen | layer
        yield from layer


def without_blanks(body: bytes) -> bytes:
    """The body without white space and invisible characters."""
    return _BLANK_CHARACTERS.sub(b"", body.translate(None, _BLANK_BYTES))


def _unquote_plus(body: bytes) -> bytes:
    return unquote_to_bytes(body.replace(b"+", b" "))


def _unescape_json(body: bytes) -> bytes:
    return _JSON_ESCAPE.sub(_json_character, body)


def _json_character(escape: re.Match[bytes]) -> bytes:
    high, low, unit, byte, single = escape.groups()
    if single is not None:
        return _JSON_CONTROLS.get(single, single)
    if byte is not None:
        return bytes([int(byte, 16)])
    if unit is not None:
        return chr(int(unit, 16)).encode("utf-8", "surrogatepass")
    return bytes.fromhex((high + low).decode()).decode("utf-16-be").encode()


def _unescape_html(body: bytes) -> bytes:
    return _HTML_ESCAPE.sub(_html_character, body)


def _html_character(escape: re.Match[bytes]) -> bytes:
    decimal, hexadecimal, name, legacy = escape.groups()
    if name is not None or legacy is not None:
        character = html5.get((name or legacy).decode() + ";")
        return character.encode() if character else escape[0]
    code_point = int(decimal) if decimal else int(hexadecimal, 16)
    return chr(code_point).encode("utf-8", "surrogatepass") if code_point <= _HIGHEST_CODE_POINT else escape[0]


_DECODERS = (unquote_to_bytes, _unquote_plus, _unescape_html, _unescape_json, without_blanks)
