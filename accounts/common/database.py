"""Database work of asynchronous code: in threads outside the event loop, and for many callers together.

A job is one function call in one of a few long-lived threads. Each thread keeps its connection between jobs. No
connection is held while a call waits for an upstream.

A batch is one job for many concurrent callers. While it runs, new requests wait, and the next job takes all of them.
Under load this means one query and one commit for many calls; a single call is not delayed. A job reads the database
after its requests were submitted, so a result is as fresh as that of a job of its own. Nothing is cached.
"""

import asyncio
import logging
import select
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Generic, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, connections

THREADS = 8
KEEP_SECONDS = 60

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)


class _Threads:
    """Long-lived threads. A job gets the first one if that is free: its connection and its caches are warm then."""

    def __init__(self, number: int) -> None:
        self._first = ThreadPoolExecutor(1, thread_name_prefix="coffer-database-first")
        self._others = ThreadPoolExecutor(number - 1, thread_name_prefix="coffer-database")
        self._number = number
        self._first_is_busy = threading.Lock()

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Run a job in one of the threads."""
        if not self._first_is_busy.acquire(blocking=False):
            return self._others.submit(job)
        future = self._first.submit(job)
        future.add_done_callback(lambda _: self._first_is_busy.release())
        return future

    def in_each(self, job: Callable[[], object]) -> None:
        """Run a job in each of the threads, at the same moment, and wait for all."""
        barrier = threading.Barrier(self._number)

        def once() -> None:
            barrier.wait(timeout=10)
            job()

        futures = [self._first.submit(once), *(self._others.submit(once) for _ in range(self._number - 1))]
        for future in futures:
            future.result()


_pool = _Threads(THREADS)


async def in_database(job: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking job in a database thread.

    Once started, the job runs to its end even if the waiting task is cancelled, so no record is half-written.

    Returns:
        The job's result. An exception of the job is raised here.
    """
    return await asyncio.shield(asyncio.wrap_future(begin(partial(_with_connection, job, *args, **kwargs))))


def begin(job: Callable[[], T]) -> Future[T]:
    """Begin a blocking job in a database thread."""
    return _pool.submit(job)


def in_background(job: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """Start a blocking job in a database thread without waiting for it. If it fails, the log says so."""
    _pool.submit(partial(_logged, partial(_with_connection, job, *args, **kwargs)))


def _logged(job: Callable[[], object]) -> None:
    try:
        job()
    except Exception as fault:
        logger.warning("a job in the background failed: %s", type(fault).__name__)


def close_connections() -> None:
    """Close every database thread's connection, on shutdown or before a test database is dropped."""
    _pool.in_each(connections.close_all)


def _with_connection(job: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run the job on this thread's connection.

    The connection is kept although `CONN_MAX_AGE` is 0 for requests. One that failed or is too old is replaced.
    """
    database = connections[DEFAULT_DB_ALIAS]
    database.close_if_unusable_or_obsolete()
    if _was_closed_by_server(database):
        database.close()
    if database.connection is None:
        database.ensure_connection()
        database.close_at = time.monotonic() + KEEP_SECONDS
    return job(*args, **kwargs)


def _was_closed_by_server(database: Any) -> bool:
    """Whether the server closed the kept connection, for example because PostgreSQL restarted.

    An idle connection receives nothing else, so looking at the socket is enough and costs no round trip.
    """
    if database.vendor != "postgresql" or database.connection is None:
        return False
    poller = select.poll()
    poller.register(database.connection.pgconn.socket, select.POLLIN)
    return bool(poller.poll(0))


MAX_WAIT_SECONDS = 0.1
"""If a job takes longer, for example because it waits for a lock, the waiting requests get a job of their own."""
MAX_WORKERS = 4
MAX_BATCH = 64
"""Requests of one job. As soon as this many wait, they get a job of their own."""

Q = TypeVar("Q")
A = TypeVar("A")


class Batches(Generic[Q, A]):
    """A function that handles many requests at once, and the requests that wait for it."""

    def __init__(self, job: Callable[[Sequence[Q]], Sequence[A | Exception]]) -> None:
        """Handle requests with `job`.

        Args:
            job: takes a sequence of requests and returns, in the same order, a result or an exception to raise for
                each. If it fails for many, it is called again for each request alone, so it must write in one
                transaction.
        """
        self._job = job
        self._queues: WeakKeyDictionary[asyncio.AbstractEventLoop, _Queue[Q, A]] = WeakKeyDictionary()

    def ask(self, request: Q) -> "asyncio.Future[A]":
        """Submit one request.

        The returned future gets its result, or the exception that the job returned or raised for it. A submitted
        request is processed even if nobody awaits the result any more.
        """
        loop = asyncio.get_running_loop()
        queue = self._queues.get(loop) or self._queues.setdefault(loop, _Queue())
        future: asyncio.Future[A] = loop.create_future()
        queue.waiting.append((request, future))
        is_full = len(queue.waiting) >= MAX_BATCH * queue.working
        if is_full or loop.time() > queue.began + MAX_WAIT_SECONDS:
            self._start(queue)
        return future

    def _start(self, queue: "_Queue[Q, A]") -> None:
        """Begin a job after what the event loop has to do already, so that it takes all that is asked until then."""
        if queue.waiting and queue.working < MAX_WORKERS:
            queue.working += 1
            asyncio.get_running_loop().call_soon(self._go_on, queue)

    def _go_on(self, queue: "_Queue[Q, A]") -> None:
        """Begin a job for the requests that wait, if there are any."""
        if not queue.waiting:
            queue.working -= 1
            return
        loop = asyncio.get_running_loop()
        batch, queue.waiting = queue.waiting[:MAX_BATCH], queue.waiting[MAX_BATCH:]
        queue.began = loop.time()
        timer = loop.call_later(MAX_WAIT_SECONDS, self._start, queue)

        def ended(job: Future[Sequence[A | Exception]]) -> None:
            with suppress(RuntimeError):  # the event loop was closed
                loop.call_soon_threadsafe(self._end, queue, batch, timer, job)

        begin(partial(self._answers, [request for request, _ in batch])).add_done_callback(ended)

    def _answers(self, requests: list[Q]) -> Sequence[A | Exception]:
        """Do the job. If it fails, each request is tried alone, so that one bad request does not fail the others."""
        try:
            answers: Sequence[A | Exception] = _with_connection(self._job, requests)
        except Exception as fault:
            if len(requests) == 1:
                return [fault]
            return [answer for request in requests for answer in self._answers([request])]
        return answers

    def _end(
        self,
        queue: "_Queue[Q, A]",
        batch: "list[tuple[Q, asyncio.Future[A]]]",
        timer: asyncio.TimerHandle,
        job: Future[Sequence[A | Exception]],
    ) -> None:
        """Give out the answers of a job, and begin the next one."""
        timer.cancel()
        try:
            for (_, future), answer in zip(batch, job.result(), strict=True):
                if future.done():
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)
        finally:
            for _, future in batch:
                future.cancel()  # no effect if there is an answer; otherwise its caller would wait forever
            self._go_on(queue)


class _Queue(Generic[Q, A]):
    """The waiting requests of one event loop, the number of its jobs, and when the latest of them began."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self.working = 0
        self.began = 0.0
