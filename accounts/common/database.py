"""Database threads: where asynchronous code does its database work, outside the event loop.

A job is one function call in one of a few long-lived threads. Each thread keeps its connection between jobs. No
connection is held while a call waits for an upstream.
"""

import asyncio
import select
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

from django.db import close_old_connections, connection, connections

THREADS = 8
KEEP_SECONDS = 60

P = ParamSpec("P")
T = TypeVar("T")

_pool = ThreadPoolExecutor(THREADS, thread_name_prefix="coffer-database")


async def in_database(job: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking job in a database thread.

    Once started, the job runs to its end even if the waiting task is cancelled, so no record is half-written.

    Returns:
        The job's result. An exception of the job is raised here.
    """
    loop = asyncio.get_running_loop()
    return await asyncio.shield(loop.run_in_executor(_pool, partial(_with_connection, job, *args, **kwargs)))


def close_connections() -> None:
    """Close every database thread's connection, on shutdown or before a test database is dropped."""
    barrier = threading.Barrier(THREADS)

    def close() -> None:
        barrier.wait(timeout=10)
        connections.close_all()

    for future in [_pool.submit(close) for _ in range(THREADS)]:
        future.result()


def _with_connection(job: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run the job on this thread's connection.

    The connection is kept although `CONN_MAX_AGE` is 0 for requests. `close_old_connections` still replaces one that
    failed or is too old.
    """
    close_old_connections()
    if _was_closed_by_server():
        connection.close()
    if connection.connection is None:
        connection.ensure_connection()
        connection.close_at = time.monotonic() + KEEP_SECONDS
    try:
        return job(*args, **kwargs)
    finally:
        close_old_connections()


def _was_closed_by_server() -> bool:
    """Whether the server closed the kept connection, for example because PostgreSQL restarted.

    An idle connection receives nothing else, so looking at the socket is enough and costs no round trip.
    """
    if connection.vendor != "postgresql" or connection.connection is None:
        return False
    poller = select.poll()
    poller.register(connection.connection.pgconn.socket, select.POLLIN)
    return bool(poller.poll(0))
