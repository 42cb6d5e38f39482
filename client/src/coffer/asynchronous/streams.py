"""Answers that are taken while they arrive."""

from collections.abc import AsyncIterator
from typing import Any

from coffer.answers import StreamEnd, StreamHead
from coffer.errors import Unreachable
from coffer.exchange import event_error, piece_of


class AsyncStreamedAnswer:
    """The masked answer of a run, piece by piece: go through it once.

    Attributes:
        head: run, status, headers and media type.
        end: how the run ended, once all pieces were taken; None before.
    """

    def __init__(self, head: StreamHead, events: AsyncIterator[tuple[str, Any]]) -> None:
        self.head = head
        self.end: StreamEnd | None = None
        self._events = events

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Yield the pieces: texts, or bytes where the answer is no text.

        Raises:
            ApiError: the answer broke off; its code says why.
            Unreachable: the connection broke off.
        """
        async for name, data in self._events:
            if name == "end":
                self.end = data
                return
            if name == "error":
                raise event_error(data)
            yield piece_of(data)
        raise Unreachable("The answer was cut off on its way, so it is not whole. Look at the record of the run.")
