"""Views of a text: what a reader gets by undoing encodings, up to three layers deep.

Decoders never fail and never take more than linear time on hostile bytes. They need not be exact: a view is searched
and thrown away. Encodings that nobody uses by accident (rot13, base32, one character in each field) are not undone.
"""

import re
import string
import unicodedata
from binascii import a2b_base64
from collections.abc import Iterator
from html.entities import html5
from itertools import chain, product

from ahocorasick_rs import BytesAhoCorasick

from secrets_app.redaction.archives import inflated_in
from secrets_app.redaction.runs import READABLE, SHORTEST_READABLE, runs_of, shape_of

DEPTH = 3
LONGEST_FORM = 2 * 1024
"""A gram in any encoding fits into so many bytes."""

NOT_CANONICAL = bytes(set(range(256)) - set((string.ascii_letters + string.digits).encode()))
_LOWER = bytes.maketrans(string.ascii_uppercase.encode(), string.ascii_lowercase.encode())
_NOT_FOLDED = b" \t\n\v\f\r\0\\+" + bytes(range(128, 256))

View = tuple[bytes, bytes]
"""A text and its canonical text."""


def canonical(text: bytes) -> bytes:
    """Return the ASCII letters and digits of a text, in lower case."""
    return text.translate(_LOWER, NOT_CANONICAL)


def folded(text: bytes) -> bytes:
    """Return a text in lower case without blanks, backslashes, plus signs and non-ASCII bytes.

    Values without a strong gram, such as words, are searched for in it as a whole.
    """
    return text.translate(_LOWER, _NOT_FOLDED)


def views(text: bytes) -> Iterator[View]:
    """Yield a text, and what it says when up to three layers of encoding are undone.

    Of a long text, only what stands near tags and escapes is repeated without them.
    """
    layer = [text]
    for one in (text, _without_tags(_near(text, b"<"))) if b"<" in text else (text,):
        if (plain := _without_rare_escapes(one)) not in layer:
            layer.append(plain)
    for _ in range(DEPTH):
        following: list[bytes] = []
        for one in layer:
            letters = canonical(one)
            yield one, letters
            for decoded, goes_on in _decoded(one, letters):
                if goes_on:
                    following.append(decoded)
                else:
                    yield decoded, canonical(decoded)
        layer = following
    yield from ((one, canonical(one)) for one in layer)


def plainest(text: bytes) -> bytes:
    """Return a text without markup, and without its escapes as far as views undo them."""
    return unescaped(_without_rare_escapes(_without_tags(text)))


def unescaped(text: bytes) -> bytes:
    """Return a text without its escapes as far as views undo them."""
    for _ in range(DEPTH):
        before, text = text, unescape(text)
        if text == before:
            break
    return text


def _decoded(text: bytes, letters: bytes) -> Iterator[tuple[bytes, bool]]:
    """Yield each view of the next layer, and whether its own views are of interest: only those of readable text are."""
    near = text if len(text) >= _LONG and _LISTED_HEX(text) else _near(text, b"&\\%")
    plain = unescape(near)
    if plain != near:
        yield plain, True
    for decoded in chain(_from_base64(text), _from_digits(text, letters)):
        yield decoded, False
        if readable := list(runs_of(decoded, _SHAPE_READABLE, SHORTEST_READABLE)):
            yield b"\n".join(readable), True


def _near(text: bytes, marks: bytes) -> bytes:
    """Return what of a long text stands near one of some bytes: in the same block, or in a block beside it."""
    if len(text) <= 3 * LONGEST_FORM:
        return text
    if not any(mark in text for mark in marks):
        return b""
    blocks = [text[at : at + LONGEST_FORM] for at in range(0, len(text), LONGEST_FORM)]
    marked = [any(mark in block for mark in marks) for block in blocks]
    near = map(any, zip(marked, [*marked[1:], False], [False, *marked[:-1]], strict=True))
    return b"".join(block if is_near else b"\0" for block, is_near in zip(blocks, near, strict=True))


# Escapes

_ENTITY = re.compile(
    rb"&(?:#[0-9]{1,8};(?:&#[0-9]{1,8};)*|#[xX][0-9a-fA-F]{1,8};(?:&#[xX][0-9a-fA-F]{1,8};)*"
    rb"|#[xX]?[0-9a-fA-F]{1,8}|[A-Za-z][A-Za-z0-9]{1,31};|amp|lt|gt|quot)"
)
_PERCENT = rb"%(?:[0-9a-fA-F]{2}(?:%[0-9a-fA-F]{2})*|u[0-9a-fA-F]{4}(?:%u[0-9a-fA-F]{4})*)"
_BACKSLASH = (
    rb"\\(?:x[0-9a-fA-F]{2}(?:\\x[0-9a-fA-F]{2})*|u[0-9a-fA-F]{4}(?:\\u[0-9a-fA-F]{4})*|u\{[0-9a-fA-F]{1,6}\}"
    rb"|U[0-9a-fA-F]{8}|[0-3][0-7]{2}(?:\\[0-3][0-7]{2})*)"
)
_ESCAPES = {
    (True, False): re.compile(_PERCENT),
    (False, True): re.compile(_BACKSLASH),
    (True, True): re.compile(_PERCENT + b"|" + _BACKSLASH),
}
"""By whether there are percent signs and backslashes: a single first character is found four times as fast."""
_LONG = 1024  # an automaton is ten times as fast as `in` for long texts; for others it lets go of the lock for nothing
_LISTED_HEX = BytesAhoCorasick([b" 0x", b",0x"]).find_matches_as_indexes
_HIGHEST = 0x10FFFF
_SIMPLE = {rb"\n": b"\n", rb"\r": b"\r", rb"\t": b" ", rb"\"": b'"', rb"\'": b"'", rb"\/": b"/"}
_SIMPLE_ESCAPE = re.compile(rb"\\[nrt\"'/]")
_SPARSE = 128
"""Where only one byte of so many is a backslash, one pass is faster than one for each simple escape."""


def unescape(text: bytes) -> bytes:
    """Undo one layer of entities, percent escapes, and the escapes of C, JSON and JavaScript."""
    if b"&" in text:
        text = _ENTITY.sub(_entity, text)
    if (len(text) >= _LONG or b"0x" in text) and _LISTED_HEX(text):
        text = text.replace(b"0x", b"\\x")
    if has_backslash := b"\\" in text:
        text = text.replace(b"\\\\", b"\\")
    if escapes := _ESCAPES.get((b"%" in text, has_backslash)):
        text = escapes.sub(_escape, text)
    return _simply_unescaped(text) if b"\\" in text else text


def _simply_unescaped(text: bytes) -> bytes:
    if text.count(b"\\") <= len(text) // _SPARSE:
        return _SIMPLE_ESCAPE.sub(lambda match: _SIMPLE[match[0]], text)
    for written, meant in _SIMPLE.items():
        text = text.replace(written, meant)
    return text


def _escape(match: re.Match[bytes]) -> bytes:
    escape = match[0]
    if (single := _SINGLE.get(escape)) is not None:
        return single
    kind = escape[1:2]
    if kind == b"u" and escape[2:3] != b"{":
        units = bytes.fromhex(escape.translate(None, b"\\%u").decode())
        return units.decode("utf-16-be", "ignore").encode()
    if kind in b"uU":
        return _character(int(escape.strip(b"\\uU{}"), 16))
    if escape[:1] == b"\\" and kind != b"x":
        return bytes(int(code, 8) for code in escape.split(b"\\")[1:])
    return bytes.fromhex(escape.translate(None, b"%\\x").decode())


def _entity(match: re.Match[bytes]) -> bytes:
    entity = match[0]
    if (single := _SINGLE.get(entity)) is not None:
        return single
    if entity[1:2] != b"#":
        return entity
    base = 16 if entity[2:3] in b"xX" else 10
    codes = entity.lower().replace(b"&#x", b"&#").split(b"&#")[1:]
    try:
        numbers = [int(code.rstrip(b";"), base) for code in codes]
    except ValueError:
        return entity
    return bytes(numbers) if max(numbers) < 128 else b"".join(map(_character, numbers))  # noqa: PLR2004 - ASCII


def _character(number: int) -> bytes:
    return chr(number).encode("utf-8", "ignore") if number <= _HIGHEST else b""


def _single_escapes() -> Iterator[tuple[str, bytes]]:
    """Yield the escapes of one character: the commonest ones, and the dearest in a hostile body."""
    for high, low in product(string.hexdigits, repeat=2):
        number = int(high + low, 16)
        byte, character = bytes([number]), _character(number)
        yield from ((f"%{high}{low}", byte), (rf"\x{high}{low}", byte), (rf"\u00{high}{low}", character))
        yield from ((f"&#{number};", character), (f"&#x{high}{low};", character))
    yield from ((f"&{name}", character.encode()) for name, character in html5.items())


_SINGLE = {written.encode(): meant for written, meant in _single_escapes()}


# Base64, hexadecimal, lists of numbers

_BASE64 = string.ascii_letters + string.digits + "+/-_"
_HEX = "0123456789abcdef"
_NUMBERS = string.digits + ", \r\n\t"
_SHORTEST_BASE64, _SHORTEST_HEX, _SHORTEST_NUMBERS = (b"a" * size for size in (22, 32, 36))
_FEWEST_DIGITS = b"a" * 12
"""Hexadecimal digits in a row of canonical text; eight characters as numbers have more."""
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_LINE_BREAKS = b"\r\n"
_BYTES = {str(number).encode(): number & 255 for number in range(1000)}


_SHAPE_BASE64, _SHAPE_HEX, _SHAPE_NUMBERS, _SHAPE_READABLE = map(shape_of, (_BASE64, _HEX, _NUMBERS, READABLE))


def _from_base64(text: bytes) -> Iterator[bytes]:
    """Decode runs of base64 from each of four offsets, because their first characters may belong to something else."""
    if _SHORTEST_BASE64 not in text.translate(_SHAPE_BASE64, _LINE_BREAKS):
        return
    runs = list(runs_of(text.translate(_URL_SAFE, _LINE_BREAKS), _SHAPE_BASE64, _SHORTEST_BASE64))
    decoded = [_from_offset(offset, runs) for offset in range(4)]
    yield b"".join(decoded)
    for one in decoded:
        yield from inflated_in(one)


def _from_offset(offset: int, runs: list[bytes]) -> bytes:
    whole = [run[offset : offset + (len(run) - offset) // 4 * 4] for run in runs]
    return a2b_base64(b"AAAA".join([b"", *whole]))  # three NULs between the runs


def _from_digits(text: bytes, letters: bytes) -> Iterator[bytes]:
    """Decode hexadecimal and lists of numbers, if there are so many digits that a value may be in them.

    Without a decimal digit there is none: hexadecimal of ASCII has one in each byte.
    """
    if not letters.isalpha() and _FEWEST_DIGITS in letters.translate(_SHAPE_HEX):
        yield from _from_hex(letters)
        yield from _from_numbers(text)


def _from_hex(letters: bytes) -> Iterator[bytes]:
    """Decode runs of hexadecimal digits of a canonical text from both offsets."""
    runs = list(runs_of(letters, _SHAPE_HEX, _SHORTEST_HEX))
    if not runs:
        return
    whole = [run[offset : offset + (len(run) - offset) // 2 * 2] for offset in range(2) for run in runs]
    yield bytes.fromhex(b"00".join(whole).decode())


def _from_numbers(text: bytes) -> Iterator[bytes]:
    """Decode lists of decimal numbers, as some languages write bytes."""
    for run in runs_of(text, _SHAPE_NUMBERS, _SHORTEST_NUMBERS):
        if len(numbers := run.replace(b",", b" ").split()) > 1:
            yield bytes([_BYTES.get(number, 32) for number in numbers])


# What is undone on the raw text alone

_TAG = re.compile(rb"<[^<>]{0,200}>")
_DATA = BytesAhoCorasick([b"data:"]).find_matches_as_indexes
_EVENT_FIELD = re.compile(rb"(?:\A|(?<=\n))data: ?")
_QUOTED = re.compile(rb"=(?:\r?\n|[0-9A-F]{2})")
_CSS = re.compile(rb"\\[0-9a-fA-F]{1,6}[ \t]?")


def _without_tags(text: bytes) -> bytes:
    """Return a text without tags. What stands between two angles may be none, so it is searched with them as well."""
    return _TAG.sub(b"", text) if b"<" in text else text


def _without_rare_escapes(plain: bytes) -> bytes:
    """Return a text without the prefixes of event streams, with rarer escapes undone."""
    if (len(_DATA(plain)) if len(plain) >= _LONG else plain.count(b"data:")) > 1:  # one alone parts nothing
        plain = _EVENT_FIELD.sub(b"", plain)
    if b"=" in plain:
        plain = _QUOTED.sub(_quoted, plain)
    if b"\\" in plain:
        plain = _CSS.sub(lambda match: _character(int(match[0][1:], 16)), plain)
    if not plain.isascii() and _is_wide(plain):
        plain = unicodedata.normalize("NFKC", plain.decode("utf-8", "ignore")).encode()
    return plain


def _is_wide(text: bytes) -> bool:
    """Return whether UTF-8 has full-width letters or those of mathematics. A single byte is found ten times as fast."""
    if b"\xef" in text and (b"\xef\xbc" in text or b"\xef\xbd" in text):
        return True
    return b"\xf0" in text and b"\xf0\x9d" in text


def _quoted(match: re.Match[bytes]) -> bytes:
    return b"" if match[0].endswith(b"\n") else bytes.fromhex(match[0][1:].decode())
