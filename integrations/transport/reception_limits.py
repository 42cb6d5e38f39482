"""How much of one answer a connection takes in, whatever the upstream makes of the framing of HTTP.

The limits of headers and body (`transport.py`) concern what an answer holds. These concern what arrives: interim
answers, chunk sizes with their extensions, and trailers hold nothing, and would keep a processor busy until the
deadline.
"""

from typing import Any

from aiohttp.client_proto import ResponseHandler
from aiohttp.helpers import set_exception

from integrations.errors import ResponseTooLarge

MOST_BYTES = 3 * 1024 * 1024
"""Of everything between a request and the end of its answer: the largest body and headers, twice, and some."""
MOST_INTERIM = 16
"""Interim answers (RFC 9110 section 15.2) before the one that counts."""

_FINAL = 200
_SWITCHING = 101


class BoundedHandler(ResponseHandler):
    """Reads answers like its base, and ends the connection where one takes too much."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._begin()

    def set_response_params(self, **params: Any) -> None:
        """The client calls this before each request."""
        self._begin()
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Take what came, as long as it is not too much."""
        self._bytes += len(data)
        if self._bytes > MOST_BYTES:
            self._refuse(f"The answer takes more than {MOST_BYTES} bytes.")
        elif not self._is_refused:
            super().data_received(data)

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Take an answer that was read, interim ones too."""
        code = data[0].code
        if code < _FINAL and code != _SWITCHING:
            self._interim += 1
        if self._interim > MOST_INTERIM:
            self._refuse(f"There are more than {MOST_INTERIM} interim answers before the answer.")
        else:
            super().feed_data(data, size)

    def _begin(self) -> None:
        self._bytes = self._interim = 0
        self._is_refused = False

    def _refuse(self, sentence: str) -> None:
        if self._is_refused:
            return
        self._is_refused = True
        refusal, payload = ResponseTooLarge(sentence), self._payload
        self.set_exception(refusal)
        if payload is not None:
            set_exception(payload, refusal)
        if self.transport is not None:
            self.transport.abort()
