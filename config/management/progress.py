"""A progress bar on one line of a terminal."""

from typing import Any

WIDTH = 40


class ProgressBar:
    """Counts up to a total and draws the bar whenever a percent is done; it draws nothing where there is no terminal.

    Args:
        stream: a command's output.
        total: the number of steps.
    """

    def __init__(self, stream: Any, total: int) -> None:
        self._stream, self._total, self._done, self._shown = stream, total, 0, -1

    def advance(self, steps: int) -> None:
        """Count steps that are done."""
        self._done += steps
        percent = min(100, 100 * self._done // max(1, self._total))
        if percent == self._shown or not self._stream.isatty():
            return
        self._shown = percent
        bar = "#" * (WIDTH * percent // 100)
        self._stream.write(f"\r[{bar:<{WIDTH}}] {percent} %", ending="\n" if percent == 100 else "")  # noqa: PLR2004
        self._stream.flush()
