"""The encodings in which upstreams may return a value: encoding a value, and decoding a body.

This module owns the list of forms that the redactor searches for (escaped, encoded, wrapped), and the decoded views of
a body, which a reader gets by undoing up to two layers of escaping. Decoding must not fail or explode on hostile bytes:
each decoder makes one pass and leaves everything that is not an escape unchanged. Base64 and compression are not
decoded here. Rot13, base32, hashes and one character per field are not covered; whoever controls the upstream can
always invent another form. See docs/security-rules.md, "Redaction".
"""

import base64
import html
import json
import re
from binascii import b2a_base64
from collections.abc import Iterable, Iterator
from contextlib import suppress
from html.entities import html5
from typing import NamedTuple
from urllib.parse import quote, quote_plus, unquote_to_bytes

from secrets_app.naming.value_rules import MIN_LENGTH

_FEWEST_BASE64_CHARACTERS = 4  # fewer appear in any base64 text by chance
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_PERCENT_CODE = re.compile("%[0-9A-F]{2}")
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_ENCODE_URI_SAFE = ";,/?:@&=+$-_.!~*'()#"  # what JavaScript's encodeURI leaves alone
_ENCODE_URI_COMPONENT_SAFE = "-_.!~*'()"


class Encoding(NamedTuple):
    """Bytes to search for, and the number of neighbouring bytes on each side that hold some bits of the value."""

    literal: bytes
    before: int = 0
    after: int = 0


def spellings(text: str) -> set[str]:
    """Return the value unchanged, with each kind of line break, without line breaks, and stripped.

    Spellings shorter than `MIN_LENGTH` are left out, because they would match in every text.
    """
    if "\n" not in text and "\r" not in text and text == text.strip():
        return {text}
    lines = _LINE_BREAK.split(text)
    others = {"\n".join(lines), "\r\n".join(lines), "".join(lines), text.strip()}
    return {text} | {spelling for spelling in others if len(spelling) >= MIN_LENGTH}


def encoded_forms(text: str) -> Iterator[Encoding]:
    """Yield the forms that unescaping does not undo, to be searched for in the raw body and in every decoded view."""
    yield from (Encoding(text.encode(codec)) for codec in ("utf-16-le", "utf-16-be"))
    for raw in _byte_texts(text):
        yield Encoding(raw)
        yield from _hex_forms(raw)
        yield from base64_forms(raw)
    yield from (Encoding(raw) for raw in _byte_texts(text[::-1]))


def indicators(text: str) -> set[bytes]:
    """Return byte strings for a quick test: any text that holds an encoded form contains at least one of them.

    There are fewer of them than forms, and they are faster to compute. The base64 of a text alone is covered, because
    it begins with the same characters as inside longer base64.
    """
    found = {text.encode("utf-16-le"), text.encode("utf-16-be"), *_byte_texts(text[::-1])}
    for raw in _byte_texts(text):
        found |= {raw, *(form.literal for form in _hex_forms(raw))}
        found |= _insides_twice(raw) if len(raw) >= MIN_LENGTH else {form.literal for form in base64_forms(raw)}
    return found


def _insides_twice(raw: bytes) -> set[bytes]:
    once = _insides(raw)
    return {*once, *(twice for inner in once for twice in _insides(inner))}


def _insides(raw: bytes) -> set[bytes]:
    aligned = _aligned(raw)
    return {*aligned, *(literal.translate(_URL_SAFE) for literal in aligned)}


def escaped_forms(text: str) -> Iterator[Encoding]:
    """Yield the escaped forms that common libraries write. Other mixtures of escapes appear in a decoded view."""
    escaped = {*_percent(text), *_json(text), *_html(text), *_byte_escapes(text)}
    return (Encoding(form.encode()) for form in escaped)


def base64_forms(raw: bytes) -> Iterator[Encoding]:
    """Yield the base64 of the value, of any text that contains it, and of those once more, in both alphabets."""
    whole = base64.b64encode(raw)
    yield from (Encoding(whole), Encoding(whole.translate(_URL_SAFE)), Encoding(base64.b64encode(whole)))
    for inner in _base64_inside(raw):
        yield inner
        yield from _base64_inside(inner.literal)


def _base64_inside(raw: bytes) -> Iterator[Encoding]:
    """Yield the characters that the base64 of a longer text contains for these bytes, for each of three alignments.

    A base64 character carries 6 bits. The characters at the edges mix in bits of the neighbours, so they cannot be
    searched for; they are cut together with the form when it is found.
    """
    for offset, literal in enumerate(_aligned(raw)):
        if len(literal) >= _FEWEST_BASE64_CHARACTERS:
            edges = (int(offset > 0), int((offset + len(raw)) % 3 > 0))
            yield Encoding(literal, *edges)
            if (url_safe := literal.translate(_URL_SAFE)) != literal:
                yield Encoding(url_safe, *edges)


def _aligned(raw: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the base64 characters that hold only bits of these bytes, if 0, 1 or 2 bytes precede them."""
    bits = 8 * len(raw)
    return (
        b2a_base64(raw)[: bits // 6],
        b2a_base64(b"\0" + raw)[2 : (bits + 8) // 6],
        b2a_base64(b"\0\0" + raw)[3 : (bits + 16) // 6],
    )


def _byte_texts(text: str) -> set[bytes]:
    """Return the value in UTF-8 and in those single-byte encodings of older servers that can represent it."""
    written = {text.encode()}
    if text.isascii():
        return written
    for codec in ("latin-1", "cp1252"):
        with suppress(UnicodeEncodeError):
            written.add(text.encode(codec))
    return written


def _hex_forms(raw: bytes) -> Iterator[Encoding]:
    for digits in (raw.hex().encode(), raw.hex(":").encode()):
        yield from (Encoding(digits), Encoding(digits.upper()))


def _percent(text: str) -> Iterable[str]:
    every = "".join(f"%{byte:02X}" for byte in text.encode())
    once = {quote(text, safe=safe) for safe in ("", "/", _ENCODE_URI_SAFE, _ENCODE_URI_COMPONENT_SAFE)}
    once |= {quote_plus(text), every}
    once |= {_PERCENT_CODE.sub(lambda code: code[0].lower(), form) for form in once}
    return once | {quote(form, safe="") for form in once}


def _json(text: str) -> Iterable[str]:
    once = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    once |= {form.replace("/", r"\/") for form in once}
    once |= {_without_angle_brackets(form) for form in once}  # as Go, Rails and Django write it for HTML pages
    nested = {json.dumps(form, ensure_ascii=False)[1:-1] for form in once}
    units = text.encode("utf-16-be").hex()
    lower = "".join(rf"\u{units[at : at + 4]}" for at in range(0, len(units), 4))
    return once | nested | {lower, lower.upper().replace(r"\U", r"\u")}


def _without_angle_brackets(form: str) -> str:
    return form.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


def _html(text: str) -> Iterable[str]:
    named = html.escape(text)
    return {
        html.escape(text, quote=False),
        named,
        named.replace("&#x27;", "&#39;"),
        named.replace("&#x27;", "&apos;"),
        "".join(f"&#{ord(character)};" for character in text),
        "".join(f"&#x{ord(character):x};" for character in text),
        "".join(f"&#x{ord(character):X};" for character in text),
    }


def _byte_escapes(text: str) -> Iterable[str]:
    raw = text.encode()
    return {"".join(rf"\x{byte:02x}" for byte in raw), "".join(rf"\x{byte:02X}" for byte in raw)}


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
"""The first character of every escape, and the plus that stands for a space. Removing blanks creates no new escape."""

_BLANK_BYTES = b"\0\t\n\v\f\r "  # with NUL, so that ASCII text in UTF-16 becomes readable
_BLANK_CHARACTERS = re.compile(  # in UTF-8: no-break and soft hyphen, the zero-width and wide spaces, byte order mark
    rb"\xc2[\x85\xa0\xad]|\xe1\xa0\x8e|\xe2\x80[\x80-\x8f\xa8-\xaf]|\xe2\x81[\x9f-\xaf]|\xe3\x80\x80|\xef\xbb\xbf"
)


def decoded_views(body: bytes) -> Iterator[bytes]:
    """Yield each distinct result of undoing one or two layers of escaping, except the body itself."""
    if not _MAY_BE_ESCAPED.search(body):
        yield from {without_blanks(body)} - {body}
        return
    seen = layer = {body}
    for _ in range(_DEPTH):
        layer = {decode(view) for view in layer for decode in _DECODERS} - seen
        seen = seen | layer
        yield from layer


def without_blanks(body: bytes) -> bytes:
    """Return the body without white space and invisible characters."""
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
