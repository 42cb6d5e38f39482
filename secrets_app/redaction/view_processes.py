"""Views of large texts, made in processes of their own.

To undo the encodings of a hostile MiB takes a third of a second, nearly all that its search takes, and holds the
interpreter's lock: in a thread it would slow down every other run. The search itself releases the lock and stays with
the values. A process gets a window of a text and returns its views; it never gets a value to search for.
"""

import logging
import os
import signal
import threading
import time
from concurrent.futures import CancelledError, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from accounts.common.process import end_with_parent, protect_process
from secrets_app.redaction.views import View, views

PROCESSES = min(2, max(1, (os.cpu_count() or 1) // 2))
"""At most half of the processors, so that large answers leave the rest to runs."""
NICENESS = 19
"""Runs that wait for nothing but the processor come first."""

logger = logging.getLogger(__name__)


def bounded_views(text: bytes, most: int) -> list[View]:
    """Return the views of a text, up to the first with which they are more than so many bytes together."""
    found: list[View] = []
    for view in views(text):
        found.append(view)
        most -= len(view[0])
        if most < 0:
            break
    return found


class ViewProcesses:
    """The processes, started when they are first needed. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None

    def views(self, text: bytes, most: int, deadline: float | None) -> list[View]:
        """Return the views of a text as `bounded_views` does; without a process where none can be had.

        Args:
            most: bytes of all views together.
            deadline: how long to wait for a process, by `time.monotonic`.

        Raises:
            TimeoutError: the time is over.
        """
        seconds = None if deadline is None else max(0.0, deadline - time.monotonic())
        pool = self._started()
        try:
            return pool.submit(bounded_views, text, most).result(seconds)
        except TimeoutError:
            raise
        except (RuntimeError, CancelledError, OSError):  # broken, or ended by another thread
            logger.warning("A process that searches large answers could not be used.", exc_info=True)
            self._end(pool)
            return bounded_views(text, most)

    def stop(self) -> None:
        """End the processes; the next text starts new ones."""
        if pool := self._pool:
            self._end(pool)

    def _end(self, pool: ProcessPoolExecutor) -> None:
        """End these processes, and not those that another thread has started since."""
        with self._lock:
            if self._pool is pool:
                self._pool = None
        pool.shutdown(cancel_futures=True)

    def _started(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(PROCESSES, get_context("spawn"), _prepare)
            return self._pool


def _prepare() -> None:
    """Prepare a process: it gives way to the server, its memory is never dumped, and it ends with the server."""
    protect_process()
    os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, which the server answers
    end_with_parent(partial(os._exit, 0))


VIEW_PROCESSES = ViewProcesses()
"""The processes of this server."""
