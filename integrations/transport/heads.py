"""Reading the head of a response as browsers read it, and writing it as the parser takes it.

Servers put a blank before a colon, fold a long value, end lines with a bare line feed or repeat `Content-Length`. What
has one meaning to every client is read with this meaning; a line without a name is left out. Where a length is unclear,
the body ends with the connection. A head with such oddities marks its connection, which is then used for no other call,
so that nobody can slip a response of their own between two calls.
"""

import re
from typing import NamedTuple

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_NAME = re.compile(_TOKEN)
_LENGTH, _CODING = b"content-length", b"transfer-encoding"
_BREAK = re.compile(rb"\r?\n")


class UnreadableHead(Exception):  # noqa: N818 - a result that the handler turns into a refusal
    """The head is not that of a response, or names several lengths."""


class MendedHead(NamedTuple):
    """A head as the parser takes it, its status, and the length of the body as far as the head says it."""

    written: bytes
    status: int
    length: int | None


def mended(raw: bytes) -> MendedHead:
    """Read a head that is not written as HTTP prescribes.

    Raises:
        UnreadableHead: it is not the head of a response, or it names several lengths.
    """
    first, *lines = _BREAK.split(raw.strip(b"\r\n"))
    version, status, reason = (*first.split(None, 2), b"", b"")[:3]
    if not re.fullmatch(rb"HTTP/1\.[01]", version) or not re.fullmatch(rb"[0-9]{3}", status):
        raise UnreadableHead
    fields = [field for line in _unfolded(lines) if (field := _field(line))]
    framing, length = _framing(fields, _codings(fields))
    kept = [field for field in fields if field[0].lower() not in {_LENGTH, _CODING}]
    written = b"".join(b"%b: %b\r\n" % field for field in [*kept, *framing])
    head = b"%b %b %b\r\n%b\r\n" % (version, status, reason.replace(b"\r", b" "), written)
    return MendedHead(head, int(status), length)


def _codings(fields: list[tuple[bytes, bytes]]) -> list[bytes]:
    """Return the transfer codings, in order."""
    named = [part.strip() for _, value in _named(fields, _CODING) for part in value.lower().split(b",")]
    return [coding for coding in named if coding not in {b"", b"identity"}]


def _unfolded(lines: list[bytes]) -> list[bytes]:
    """Join lines that continue the one before (RFC 9112 section 5.2)."""
    joined: list[bytes] = []
    for line in lines:
        if line[:1] not in {b" ", b"\t"}:
            joined.append(line)
        elif joined:
            joined[-1] = joined[-1].rstrip(b" \t") + b" " + line.strip(b" \t")
    return joined


def _field(line: bytes) -> tuple[bytes, bytes] | None:
    name, colon, value = line.partition(b":")
    name = name.rstrip(b" \t")
    return (name, value.replace(b"\r", b" ").strip(b" \t")) if colon and _NAME.fullmatch(name) else None


def _named(fields: list[tuple[bytes, bytes]], name: bytes) -> list[tuple[bytes, bytes]]:
    return [field for field in fields if field[0].lower() == name]


def _framing(fields: list[tuple[bytes, bytes]], codings: list[bytes]) -> tuple[list[tuple[bytes, bytes]], int | None]:
    """Return the fields that say where the body ends, and its length.

    A transfer coding overrides a length (RFC 9112 section 6.3). A repeated length counts once, one that is no number
    not at all.

    Raises:
        UnreadableHead: there are several lengths.
    """
    if codings:
        return [(b"Transfer-Encoding", b", ".join(dict.fromkeys(codings)))], None
    stated = {part.strip() for _, value in _named(fields, _LENGTH) for part in value.split(b",")}
    lengths = {int(part) for part in stated if part.isdigit()}
    if len(lengths) > 1:
        raise UnreadableHead
    if not lengths or len(lengths) < len({part.lstrip(b"0") for part in stated}):
        return [], None
    length = lengths.pop()
    return [(b"Content-Length", b"%d" % length)], length
