"""SIP messages (RFC 3261): writing the few requests that Coffer sends, and parsing what it receives.

Error messages never quote the input. Sending and receiving is in `integrations.transport.sip`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

MAX_BYTES = 64 * 1024
"""The limit of a message, including its body."""

_MAX_HEADERS = 128
_MAX_LINE = 8 * 1024
_SHOWN_REASON = 80
_COMPACT = {"v": "via", "i": "call-id", "f": "from", "t": "to", "l": "content-length", "m": "contact"}
_ONCE = frozenset({"call-id", "cseq", "content-length", "from", "to", "max-forwards"})
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: (.*))?")
_REQUEST_LINE = re.compile(r"[A-Z][A-Za-z0-9.!%*_+`'~-]{0,31} \S{1,2048} SIP/2\.0")
_NAME = re.compile(r"[A-Za-z0-9.!%*_+`'~-]{1,64}")
_FOLD = re.compile(r"\r\n[ \t]+")
_CSEQ = re.compile(r"([0-9]{1,10})[ \t]+([A-Z][A-Za-z0-9.!%*_+`'~-]{0,31})")
_BRANCH = re.compile(r";[ \t]*branch[ \t]*=[ \t]*([^;,\s]{1,256})", re.IGNORECASE)
_LENGTH = re.compile(r"[0-9]{1,7}")
_BREAK = re.compile(r"[\r\n\0]")
_USER_SAFE = "-_.!~*'()&=+$,;?/"  # unescaped in the user part of a SIP URI (RFC 3261 section 25.1)


class MalformedSip(ValueError):  # noqa: N818 - named like the refusals
    """The bytes are not a SIP message; the text is a sentence."""


class SipTooLarge(MalformedSip):
    """A message exceeds a limit."""


@dataclass(frozen=True, slots=True)
class SipPeer:
    """The peer of an exchange.

    Attributes:
        url: the URL that is judged, such as `sips://sip.example.com:5061`.
        transport: `udp`, `tcp` or `tls`.
    """

    url: str
    transport: str


@dataclass(frozen=True, slots=True)
class SipRequest:
    """A request without Via and Content-Length, which the connection adds."""

    method: str
    uri: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class SipMessage:
    """A received message. `status` is None for a request of the peer. Header names are in lower case."""

    status: int | None
    reason: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)

    @property
    def is_final(self) -> bool:
        """Whether the response ends its transaction."""
        return self.status is not None and self.status >= 200  # noqa: PLR2004 - RFC 3261 section 7.2

    @property
    def is_success(self) -> bool:
        """Whether the request succeeded."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - RFC 3261 section 7.2

    def every(self, name: str) -> list[str]:
        """Return all values of a header."""
        return [value for found, value in self.headers if found == name]

    def answers(self, branch: str, cseq: tuple[int, str]) -> bool:
        """Return whether this is a response to the request with this branch (RFC 3261 section 17.1.3)."""
        vias, counted = self.every("via"), [_CSEQ.fullmatch(value) for value in self.every("cseq")]
        own = _BRANCH.search(vias[0]) if vias else None
        return (
            self.status is not None
            and own is not None
            and own[1] == branch
            and [(int(found[1]), found[2]) for found in counted if found] == [cseq]
        )


def write(request: SipRequest, via: str) -> bytes:
    """Return the request as bytes.

    Raises:
        ValueError: a line contains a line break, which would start another header.
    """
    lines = [f"{request.method} {request.uri} SIP/2.0", f"Via: {via}"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    if any(_BREAK.search(line) for line in lines):
        raise ValueError("a SIP header holds no line break")
    return "\r\n".join([*lines, "Content-Length: 0", "", ""]).encode()


def read_datagram(raw: bytes) -> SipMessage | None:
    """Parse the message in a datagram; return None for a keep-alive.

    Raises:
        MalformedSip: the datagram is not a SIP message, or too large.
    """
    if not raw.strip(b"\r\n\0"):
        return None
    if len(raw) > MAX_BYTES:
        raise _too_large()
    head, end, _ = raw.lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not end:
        raise MalformedSip("The headers of the message have no end.")
    return read_head(head)


def read_head(head: bytes) -> SipMessage:
    """Parse the start line and headers, without the blank line after them.

    Raises:
        MalformedSip: they are not SIP, or exceed a limit.
    """
    first, *lines = _FOLD.sub(" ", head.decode("utf-8", "replace")).split("\r\n")
    if len(lines) > _MAX_HEADERS or any(len(line) > _MAX_LINE for line in (first, *lines)):
        raise _too_large()
    headers = tuple(map(_header, lines))
    _refuse_repeated(headers)
    status = _STATUS_LINE.fullmatch(first)
    if status:
        return SipMessage(int(status[1]), status[2] or "", headers)
    if _REQUEST_LINE.fullmatch(first):
        return SipMessage(None, "", headers)
    raise MalformedSip("The message does not start like a SIP message.")


def _refuse_repeated(headers: Sequence[tuple[str, str]]) -> None:
    names = [name for name, _ in headers]
    if any(names.count(name) > 1 for name in _ONCE):
        raise MalformedSip("A header that may occur only once is repeated.")


def body_length(message: SipMessage) -> int:
    """Return how many bytes follow the headers on a stream (RFC 3261 section 18.3).

    Raises:
        MalformedSip: the message does not state its length, or is too large.
    """
    found = message.every("content-length")
    if not found or not _LENGTH.fullmatch(found[0]):
        raise MalformedSip("The message does not say how long it is.")
    if int(found[0]) > MAX_BYTES:
        raise _too_large()
    return int(found[0])


def uri_user(name: str) -> str:
    """Escape a user name for the user part of a SIP URI."""
    return quote(name, safe=_USER_SAFE)


def shown_reason(message: SipMessage) -> str:
    """Return `403 Forbidden`, or only the status if the reason is long or not printable.

    The reason is untrusted. It is never shortened, because half of a value would not be found and masked.
    """
    reason = message.reason if message.reason.isprintable() and len(message.reason) <= _SHOWN_REASON else ""
    return f"{message.status} {reason}".strip()


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    name = name.rstrip(" \t").lower()
    if not colon or not _NAME.fullmatch(name) or _BREAK.search(line):
        raise MalformedSip("A header of the message cannot be read.")
    return _COMPACT.get(name, name), value.strip(" \t")


def _too_large() -> SipTooLarge:
    return SipTooLarge(f"The message is longer than {MAX_BYTES} bytes, or has too many or too long lines.")
