"""Database work of asynchronous code: a few long-lived threads, never the event loop.

A job is one function call in one of these threads. A thread keeps its connection between jobs; nothing holds one
while a call waits for an upstream.
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

    Once started, the job goes on to its end even when the waiting task is cancelled: a record is never half-written.

    Returns:
        what the job returns; what it raises is raised here.
    """
    loop = asyncio.get_running_loop()
    return await asyncio.shield(loop.run_in_executor(_pool, partial(_with_connection, job, *args, **kwargs)))


def close_connections() -> None:
    """Close every database thread's connection (before a test database is dropped, or on shutdown)."""
    barrier = threading.Barrier(THREADS)

    def close() -> None:
        barrier.wait(timeout=10)
        connections.close_all()

    for future in [_pool.submit(close) for _ in range(THREADS)]:
        future.result()


def _with_connection(job: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run the job on this thread's connection, which is kept although requests close theirs (`CONN_MAX_AGE` is 0).

    `close_old_connections` still replaces one that failed or grew old.
    """
    close_old_connections()
    if _server_said_goodbye():
        connection.close()
    if connection.connection is None:
        connection.ensure_connection()
        connection.close_at = time.monotonic() + KEEP_SECONDS
    try:
        return job(*args, **kwargs)
    finally:
        close_old_connections()


def _server_said_goodbye() -> bool:
    """Whether the kept connection ended, say because PostgreSQL restarted: while nothing is asked, nothing else comes.

    A look at the socket instead of a query: it costs no round trip.
    """
    if connection.vendor != "postgresql" or connection.connection is None:
        return False
    poller = select.poll()
    poller.register(connection.connection.pgconn.socket, select.POLLIN)
    return bool(poller.poll(0))
