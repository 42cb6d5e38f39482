"""Receiving a response: its head as browsers read it, its body no further than its head says, all of it bounded.

The limit of a body (`client.py`) applies to its content. The limits here apply to all received bytes: interim
responses, chunk extensions and trailers carry no content but could keep a processor busy until the deadline. The body
of a stream (`streams.py`) may have any length; there the limit applies to what arrives between two pieces of content.

What follows a response without a body, or more body than was announced, is dropped, and its connection is used for no
other call.
"""

import asyncio
import re
from typing import Any, NamedTuple

from aiohttp import ClientConnectionError
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.helpers import set_exception

from accounts.errors import Refusal
from integrations.errors import ResponseTooLarge, ResponseUnreadable
from integrations.exchange.messages import UpstreamResponse
from integrations.transport.heads import UnreadableHead, mended

MOST_BYTES = 3 * 1024 * 1024
"""The limit of all bytes of a response with the usual limit of its body, which is a third of it."""
MOST_BESIDE = 1024 * 1024
"""The limit of received bytes of a stream without any content among them."""
MOST_INTERIM = 16
"""The limit of interim responses (RFC 9110 section 15.2) before the final response."""
MAX_BYTES = 64 * 1024
"""The limit of the head of a response, with its status line."""
MAX_FIELDS = 256

_SHARE = 3
_END = re.compile(rb"\r?\n\r?\n")
_PLAIN = re.compile(rb"HTTP/1\.[01] [0-9]{3}(?: [^\r\n]*)?\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n]*\r\n)*\r\n")
_FRAMING = re.compile(
    rb"^(?:content-length|transfer-encoding):[ \t]*([^\r\n]*?)[ \t]*\r$", re.IGNORECASE | re.MULTILINE
)
_STATUS_AT = slice(9, 12)
_BODILESS = {204, 304}
"""No body follows, whatever the head says (RFC 9110 section 6.4.1)."""
_SWITCHING, _FINAL = 101, 200
_BEGINNING = b"HTTP/"


class ReceivedHead(NamedTuple):
    """A head as the parser takes it.

    Attributes:
        length: the bytes of the body; None if its own framing or the end of the connection ends it.
        is_odd: whether the head was not written as HTTP prescribes.
    """

    written: bytes
    status: int
    length: int | None
    is_odd: bool


def read_head(raw: bytes) -> ReceivedHead:
    """Read a head, with the empty line at its end.

    Raises:
        UnreadableHead: it is not the head of a response, or it names several lengths.
    """
    if _PLAIN.fullmatch(raw):
        framing, status = _FRAMING.findall(raw), int(raw[_STATUS_AT])
        if len(framing) == 1 and framing[0].isdigit():
            return ReceivedHead(raw, status, int(framing[0]), is_odd=False)
        if not framing or (len(framing) == 1 and framing[0].lower() == b"chunked"):
            return ReceivedHead(raw, status, None, is_odd=False)
    return ReceivedHead(*mended(raw), is_odd=True)


class BoundedHandler(ResponseHandler):
    """Reads responses like its base class, and closes the connection when a limit is exceeded.

    Attributes:
        was_used: whether a request was sent on the connection.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head: bytearray | None = None
        self._left: int | None = None
        self._content: int | None = None
        self._is_refused = False
        self.was_used = False
        self._begin()

    def set_response_params(self, **params: Any) -> None:
        """Reset the limits; the client calls this before each request."""
        self._begin()
        self.was_used = True
        super().set_response_params(**params)

    def allow(self, body: int) -> None:
        """Let in a body of so many bytes, and its framing."""
        self._most = max(MOST_BYTES, _SHARE * body)

    def allow_stream(self) -> None:
        """Let in a body of any length, and between its pieces of content a bounded number of other bytes."""
        self._most, self._bytes = MOST_BESIDE, 0
        self._content = 0

    def data_received(self, data: bytes) -> None:
        """Count and process received bytes."""
        if self._content is not None and self._payload is not None and self._payload.total_bytes > self._content:
            self._content, self._bytes = self._payload.total_bytes, 0
        self._bytes += len(data)
        if self._bytes > self._most:
            self._refuse(ResponseTooLarge(f"The response takes more than {self._most} bytes."))
        elif self._is_refused:
            return
        elif self._parser is None or self._head is None:
            self._receive_body(data)
        else:
            self._receive_head(self._head, data)

    def resume_reading(self, *args: Any, **params: Any) -> None:
        """Go on reading if that was paused. The client calls this for each piece that somebody takes, paused or not."""
        if self._reading_paused:
            super().resume_reading(*args, **params)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Refuse a head that has ended too early."""
        if self._head and self._parser is not None and not self._is_refused:
            self._is_refused = True
            self.set_exception(_not_http())
        super().connection_lost(exc)

    def _receive_head(self, head: bytearray, data: bytes) -> None:
        start = max(0, len(head) - 3)
        head += data
        while found := _END.search(head, start):
            end, start = found.end(), 0
            raw = bytes(head[:end])
            del head[:end]
            if not raw.strip():  # an empty line before the head
                continue
            if not self._take(raw):
                return
            if self._head is None:
                if head:
                    self._receive_body(bytes(head))
                return
        if not _BEGINNING.startswith(head.lstrip()[: len(_BEGINNING)]):
            self._refuse(_not_http())
        elif len(head) > MAX_BYTES:
            self._refuse(_too_large())

    def _take(self, raw: bytes) -> bool:
        """Pass a whole head to the parser; return whether it may be used."""
        try:
            head = read_head(raw)
        except UnreadableHead:
            self._refuse(_not_http())
            return False
        is_interim = _is_interim(head.status)
        self._interim += is_interim
        if self._interim > MOST_INTERIM:
            self._refuse(ResponseTooLarge(f"There are more than {MOST_INTERIM} interim responses."))
        elif raw.count(b"\n") - 2 > MAX_FIELDS:
            self._refuse(ResponseTooLarge(f"The response has more than {MAX_FIELDS} headers."))
        elif len(raw) > MAX_BYTES:
            self._refuse(_too_large())
        else:
            if not is_interim:
                self._begin_body(head)
            super().data_received(head.written)
        return not self._is_refused

    def _begin_body(self, head: ReceivedHead) -> None:
        self._head, self._left = None, head.length
        if self._skip_payload or head.status in _BODILESS:
            self._left = 0
            if head.length or b"transfer-encoding" in head.written.lower():
                self.force_close()  # a body may follow all the same
        if head.is_odd:
            self.force_close()

    def _receive_body(self, data: bytes) -> None:
        """Pass on the bytes that belong to the body, and drop others."""
        body, size = data, len(data)
        if self._left is not None and self._parser is not None:
            if size > self._left:
                body, size = data[: self._left], self._left
                self.force_close()
            self._left -= size
        if body or not data:
            payload = self._payload
            super().data_received(body)
            if self._exception is not None and payload is not None and not payload.is_eof():
                set_exception(payload, ResponseUnreadable("The body of the response is not HTTP."))

    def _begin(self) -> None:
        self._bytes = self._interim = 0
        self._most = MOST_BYTES
        self._content = None
        self._head = bytearray()
        self._left = None
        self._is_refused = False

    def _refuse(self, refusal: Refusal) -> None:
        if self._is_refused:
            return
        self._is_refused = True
        payload = self._payload
        self.set_exception(refusal)
        if payload is not None:
            set_exception(payload, refusal)
        if self.transport is not None:
            self.transport.abort()


class Response:
    """The response to a request that was sent, with its connection until both are through or it is left.

    Attributes:
        raw_headers: names and values as they arrived.
        content: the body while it arrives.
    """

    __slots__ = ("_connection", "_protocol", "_upload", "content", "raw_headers", "reason", "status")

    def __init__(self, connection: Connection, protocol: BoundedHandler, upload: "asyncio.Task[None] | None") -> None:
        """Create the response.

        Args:
            upload: what sends the rest of the request, if anything does.
        """
        self._connection: Connection | None = connection
        self._protocol, self._upload = protocol, upload

    @property
    def protocol(self) -> BoundedHandler | None:
        """What receives the response; None once it is through or was left."""
        return self._protocol if self._connection else None

    async def read_head(self) -> None:
        """Wait for the head, which sets the attributes.

        Raises:
            Refusal, aiohttp.ClientError, aiohttp.http.HttpProcessingError: there is none.
        """
        message, self.content = await self._protocol.read()
        while _is_interim(message.code):
            message, self.content = await self._protocol.read()
        self.status, self.reason, self.raw_headers = message.code, message.reason, message.raw_headers
        self.content.on_eof(self.leave)

    @property
    def media_type(self) -> str:
        """The media type that the head names, in lower case; empty if it names none."""
        named = (value for name, value in self.raw_headers if name.lower() == b"content-type")
        return next(named, b"").partition(b";")[0].strip().lower().decode("latin-1")

    def received(self, body: bytes | None = b"") -> UpstreamResponse:
        """Return the response as it arrived, with its body; None if that cannot be decompressed."""
        reason = (self.reason or "").encode("utf-8", "surrogateescape")  # reverses the client's decoding
        return UpstreamResponse(self.status, reason, self.raw_headers, body or b"", readable=body is not None)

    def leave(self) -> None:
        """Give the connection back if request and response are through; otherwise end it, so that reading fails."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self.content.is_eof() and (self._upload is None or self._upload.done()):
            connection.release()
            return
        if self._upload:
            self._upload.cancel()
        self._protocol.abort()
        connection.close()
        if not self.content.is_eof():
            self.content.set_exception(ClientConnectionError("The call was ended."))


def _is_interim(status: int) -> bool:
    """Return whether another head follows one with this status (RFC 9110 section 15.2)."""
    return status < _FINAL and status != _SWITCHING


def _too_large() -> ResponseTooLarge:
    return ResponseTooLarge(f"The headers of the response are larger than {MAX_BYTES} bytes.")


def _not_http() -> ResponseUnreadable:
    return ResponseUnreadable("The response ended too early or does not begin as HTTP prescribes.")
