"""An incremental parser of event streams (WHATWG HTML, section 9.2 "Server-sent events").

Limits of size and time are enforced by the transport, the limit of messages by `replies.py`.
"""

import re
from dataclasses import dataclass, field

_LINE_END = re.compile(rb"\r\n|\n|\r")
_DIGITS = 9
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """An event of the stream."""

    name: bytes
    data: bytes = field(repr=False)

    @property
    def is_message(self) -> bool:
        """Whether the event carries a message: its type is `message` or not given."""
        return self.name in {b"", b"message"}


class EventReader:
    """Parses a stream piece by piece.

    Attributes:
        last_id: the id of the last event that had one; with it the stream can be resumed.
        retry_seconds: how long the server asks clients to wait before they resume; None if it does not say.
    """

    def __init__(self, last_id: bytes = b"", retry_seconds: float | None = None) -> None:
        self.last_id, self.retry_seconds = last_id, retry_seconds
        self._id = last_id
        self._tail = bytearray()
        self._after_return = False
        self._is_first = True
        self._name, self._data = b"", list[bytes]()

    def feed(self, piece: bytes) -> list[ServerSentEvent]:
        """Return the events that this piece completes, without events that have no data."""
        if self._after_return and piece.startswith(b"\n"):
            piece = piece[1:]
        self._after_return = piece.endswith(b"\r")
        self._tail += piece
        if b"\n" not in piece and b"\r" not in piece:
            return []
        *lines, rest = _LINE_END.split(bytes(self._tail))
        self._tail = bytearray(rest)
        found = (self._line(line) for line in lines)
        return [event for event in found if event]

    def _line(self, line: bytes) -> ServerSentEvent | None:
        if self._is_first:
            line, self._is_first = line.removeprefix(_BYTE_ORDER_MARK), False
        if not line:
            return self._dispatch()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        elif field == b"event":
            self._name = value
        elif field == b"id" and b"\0" not in value:
            self._id = value
        elif field == b"retry" and value.isdigit():
            self.retry_seconds = int(value[:_DIGITS]) / 1000
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        name, data = self._name, b"\n".join(self._data)
        self._name, self._data = b"", []
        self.last_id = self._id
        return ServerSentEvent(name, data) if data else None  # servers open a stream with an event that has only an id
