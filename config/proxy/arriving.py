"""What a caller sends: the body as it arrives, and that the caller leaves."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from accounts.errors import TooLarge
from config.http.requests import Receive
from integrations.exchange.passed_headers import Header
from integrations.exchange.streams import Upload

MOST_BYTES = 1024 * 1024 * 1024
"""The limit of a body."""
TOO_LARGE = "The body of a request that is passed through may have at most 1 GiB."


class Arriving:
    """The messages of one request. Once its body is through or not wanted any more, only its caller's leaving counts.

    Attributes:
        is_through: whether the body has arrived whole.
    """

    def __init__(self, receive: Receive, headers: Sequence[Header], leave: Callable[[], object]) -> None:
        """Take the messages.

        Args:
            leave: called once the caller has left.
        """
        self._receive, self._leave = receive, leave
        named = {name: value for name, value in headers if name in {"content-length", "transfer-encoding"}}
        length = named.get("content-length", "")
        self._length = int(length) if length.isdigit() and "transfer-encoding" not in named else None
        self.is_through = not named or self._length == 0
        self._is_unwanted = asyncio.Event()
        if self.is_through:
            self._is_unwanted.set()

    @property
    def upload(self) -> Upload | None:
        """The body; None if there is none.

        Raises:
            TooLarge: its length says so.
        """
        if self.is_through:
            return None
        if self._length is not None and self._length > MOST_BYTES:
            raise TooLarge(TOO_LARGE)
        return Upload(self._pieces(), self._length)

    def drop(self) -> None:
        """Read no more of the body than is needed to see the caller leave."""
        self._is_unwanted.set()

    async def watch(self) -> None:
        """Wait until the caller leaves, once the body is no longer wanted."""
        await self._is_unwanted.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._leave()

    async def _pieces(self) -> AsyncIterator[bytes]:
        size, more = 0, True
        try:
            while more:
                message: Any = await self._receive()
                if message["type"] == "http.disconnect":
                    self._leave()
                    await asyncio.Event().wait()  # until the request is cancelled
                size += len(message.get("body", b""))
                if size > MOST_BYTES:
                    raise TooLarge(TOO_LARGE)
                more = message.get("more_body", False)
                if message.get("body"):
                    yield message["body"]
            self.is_through = True
        finally:
            self._is_unwanted.set()
