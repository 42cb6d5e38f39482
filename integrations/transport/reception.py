"""Receiving a response: its head as browsers read it, its body no further than its head says, all of it bounded.

The limit of a body (`client.py`) applies to its content. The limits here apply to all received bytes: interim
responses, chunk extensions and trailers carry no content but could keep a processor busy until the deadline.

What follows a response without a body, or more body than was announced, is dropped, and its connection is used for no
other call.
"""

from typing import Any

from aiohttp.client_proto import ResponseHandler
from aiohttp.helpers import set_exception

from accounts.errors import Refusal
from integrations.errors import ResponseTooLarge, ResponseUnreadable
from integrations.transport.heads import MAX_BYTES, MAX_FIELDS, Head, UnreadableHead, end_of_head, read_head

MOST_BYTES = 3 * 1024 * 1024
"""The limit of all bytes of a response with the usual limit of its body, which is a third of it."""
MOST_INTERIM = 16
"""The limit of interim responses (RFC 9110 section 15.2) before the final response."""
_SHARE = 3
_BEGINNING = b"HTTP/"


class BoundedHandler(ResponseHandler):
    """Reads responses like its base class, and closes the connection when a limit is exceeded."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._begin()

    def set_response_params(self, **params: Any) -> None:
        """Reset the limits; the client calls this before each request."""
        self._begin()
        super().set_response_params(**params)

    def allow(self, body: int) -> None:
        """Let in a body of so many bytes, and its framing."""
        self._most = max(MOST_BYTES, _SHARE * body)

    def data_received(self, data: bytes) -> None:
        """Count and process received bytes."""
        self._bytes += len(data)
        if self._bytes > self._most:
            self._refuse(ResponseTooLarge(f"The response takes more than {self._most} bytes."))
        elif self._is_refused:
            return
        elif self._parser is None or self._head is None:
            self._receive_body(data)
        else:
            self._receive_head(self._head, data)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Refuse a head that has ended too early."""
        if self._head and self._parser is not None and not self._is_refused:
            self._is_refused = True
            self.set_exception(_not_http())
        super().connection_lost(exc)

    def _receive_head(self, head: bytearray, data: bytes) -> None:
        start = len(head)
        head += data
        while end := end_of_head(head, start):
            raw, start = bytes(head[:end]), 0
            del head[:end]
            if not raw.strip():  # an empty line before the head
                continue
            if not self._take(raw):
                return
            if self._head is None:
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
        self._interim += head.is_interim
        if self._interim > MOST_INTERIM:
            self._refuse(ResponseTooLarge(f"There are more than {MOST_INTERIM} interim responses."))
        elif head.fields > MAX_FIELDS:
            self._refuse(ResponseTooLarge(f"The response has more than {MAX_FIELDS} headers."))
        elif len(raw) > MAX_BYTES:
            self._refuse(_too_large())
        else:
            self._begin_body(head)
            super().data_received(head.written)
        return not self._is_refused

    def _begin_body(self, head: Head) -> None:
        if head.is_interim:
            return
        self._head, self._left = None, head.length
        if self._skip_payload or head.is_bodiless:
            self._left = 0
            if head.length or b"transfer-encoding" in head.written.lower():
                self.force_close()  # a body may follow all the same
        if head.is_odd:
            self.force_close()

    def _receive_body(self, data: bytes) -> None:
        """Pass on the bytes that belong to the body, and drop others."""
        body = data
        if self._left is not None and self._parser is not None:
            body = data[: self._left]
            self._left -= len(body)
            if len(body) < len(data):
                self.force_close()
        if body or not data:
            payload = self._payload
            super().data_received(body)
            if self._exception is not None and payload is not None and not payload.is_eof():
                set_exception(payload, ResponseUnreadable("The body of the response is not HTTP."))

    def _begin(self) -> None:
        self._bytes = self._interim = 0
        self._most = MOST_BYTES
        self._head: bytearray | None = bytearray()
        self._left: int | None = None
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


def _too_large() -> ResponseTooLarge:
    return ResponseTooLarge(f"The headers of the response are larger than {MAX_BYTES} bytes.")


def _not_http() -> ResponseUnreadable:
    return ResponseUnreadable("The response ended too early or does not begin as HTTP prescribes.")
