"""What an agent is told of its call while it is under way: how long it takes, and the text that has arrived."""

import time
from collections.abc import Awaitable
from typing import Protocol

LONGEST_MESSAGE, MOST_TEXT = 4_000, 64 * 1024
"""Characters of a notification, and of all text of a call. The result has the answer whole."""
_STEP = 0.001
"""Seconds between two notifications at least, because each has to tell of more than the one before."""


class Report(Protocol):
    """Sends a notification of progress."""

    def __call__(self, progress: float, total: float | None = None, message: str | None = None) -> Awaitable[None]:
        """Send it."""
        ...


class Progress:
    """The notifications of one call."""

    def __init__(self, report: Report, title: str) -> None:
        """Begin to count the seconds.

        Args:
            title: that of the tool.
        """
        self._report, self._title = report, title
        self._started, self._last, self._told = time.monotonic(), 0.0, 0

    async def time(self, seconds: float) -> None:
        """Tell that the call is still under way."""
        has = "is still answering" if self._told else "has not answered yet"
        await self._send(f"{self._title} {has}: {seconds:.0f} seconds so far.")

    async def text(self, piece: str) -> None:
        """Tell of text that has arrived, up to a limit."""
        piece = piece[: MOST_TEXT - self._told]
        self._told += len(piece)
        for at in range(0, len(piece), LONGEST_MESSAGE):
            await self._send(piece[at : at + LONGEST_MESSAGE])

    async def _send(self, message: str) -> None:
        self._last = round(max(self._last + _STEP, time.monotonic() - self._started), 3)
        await self._report(self._last, message=message)
