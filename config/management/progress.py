"""A progress bar on one line of a terminal."""

from typing import Any

WIDTH = 40


class ProgressBar:
    """Counts up to a total and draws the bar whenever a percent is done.

    Args:
        stream: a command's output.
        total: the number of steps.
        steps: what is counted. Where there is no terminal, a plain line says after each tenth how many are done; there
            is none without this name.
    """

    def __init__(self, stream: Any, total: int, steps: str = "") -> None:
        self._stream, self._total, self._steps, self._done, self._shown = stream, total, steps, 0, -1

    def advance(self, steps: int) -> None:
        """Count steps that are done."""
        self._done += steps
        percent = min(100, 100 * self._done // max(1, self._total))
        if not self._stream.isatty():
            self._write_line(percent // 10)
        elif percent != self._shown:
            self._draw(percent)

    def _write_line(self, tenths: int) -> None:
        if self._steps and tenths > max(0, self._shown):
            self._shown = tenths
            self._stream.write(f"{min(self._done, self._total)} of {self._total} {self._steps}.")

    def _draw(self, percent: int) -> None:
        self._shown = percent
        bar = "#" * (WIDTH * percent // 100)
        self._stream.write(f"\r[{bar:<{WIDTH}}] {percent} %", ending="\n" if percent == 100 else "")  # noqa: PLR2004
        self._stream.flush()
