"""What lasts as long as the server process: pooled connections, the MCP server, the processes that make views of large
answers, the garbage collector's settings. And what a start does for those before it."""

import asyncio
import gc
import logging
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import Error
from django.utils import timezone

from accounts.common.database import in_database
from accounts.common.process import end_with_parent
from accounts.errors import OutOfResources
from config.api.agent_server import serving_agents
from config.http.errors import unavailable
from config.http.requests import Receive, Send
from integrations.alerts.background import deliver_forever
from integrations.approvals.background import attend_forever
from integrations.broker import retention
from integrations.figures import keeping
from integrations.figures.counting import LONGEST_RUN
from integrations.transport.connections import keeping_connections
from secrets_app.redaction.view_processes import VIEW_PROCESSES
from secrets_app.sealing import canaries, rereading

logger = logging.getLogger(__name__)

GARBAGE = (10_000, 20, 50)
"""The thresholds of the three generations (`gc.set_threshold`)."""

LOOK_BACK = timedelta(days=2)
"""How old the runs are that a start may close. Housekeeping looks at all of them, each day."""


async def lifespan(_scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Handle the server's start and stop (ASGI, "Lifespan"). It does not start with a wrong master key."""
    await receive()
    if problems := await _wrong_keys():
        await send({"type": "lifespan.startup.failed", "message": "\n".join(problems)})
        return
    logger.info("The master keys are held: %s.", rereading.said())
    end_with_parent(partial(os.kill, os.getpid(), signal.SIGTERM))  # a worker whose supervisor was killed
    unavailable("/", OutOfResources())  # loads the page's templates, which later there may be no descriptor for
    with _less_garbage_collection():
        async with (
            keeping_connections(),
            serving_agents(),
            _closing_interrupted_runs(),
            _counting_runs(),
            _rereading_keys(),
            _beside(deliver_forever),
            _beside(attend_forever),
        ):
            await send({"type": "lifespan.startup.complete"})
            await receive()
    await asyncio.to_thread(VIEW_PROCESSES.stop)
    await send({"type": "lifespan.shutdown.complete"})


async def _wrong_keys() -> list[str]:
    """Return what has to stop the start; nothing while nobody can connect to the database."""
    try:
        return await in_database(canaries.problems_at_start)
    except Error:
        return []


@asynccontextmanager
async def _rereading_keys() -> AsyncIterator[None]:
    """Read the master keys again at each SIGHUP; but a server that a terminal started ends with its window."""
    if os.isatty(0) or threading.current_thread() is not threading.main_thread():
        yield
        return
    loop, tasks = asyncio.get_running_loop(), set[asyncio.Task[None]]()
    turn = asyncio.Lock()

    async def reread() -> None:
        async with turn:
            await in_database(rereading.reread)

    def begin() -> None:
        tasks.add(task := asyncio.create_task(reread()))
        task.add_done_callback(tasks.discard)

    loop.add_signal_handler(signal.SIGHUP, begin)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


@asynccontextmanager
async def _closing_interrupted_runs() -> AsyncIterator[None]:
    """Close the records of runs that an earlier process left open: now, and once its last ones are old enough."""
    await _close_interrupted_runs()
    later = asyncio.create_task(_close_interrupted_runs(LONGEST_RUN.total_seconds()))
    try:
        yield
    finally:
        later.cancel()


@asynccontextmanager
async def _beside(work: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Do work that never ends beside what the server does, such as delivering alerts. Processes share the work."""
    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _close_interrupted_runs(seconds: float = 0) -> None:
    await asyncio.sleep(seconds)
    with suppress(Error):  # housekeeping tries again, and probes tell what is the matter with the database
        await in_database(retention.close_interrupted, since=timezone.now() - LOOK_BACK)


@asynccontextmanager
async def _counting_runs() -> AsyncIterator[None]:
    """Count, beside what the server does, the hours of runs that an earlier process or version left uncounted."""

    async def count() -> None:
        with suppress(Error):  # housekeeping tries again
            await in_database(keeping.count_all)

    task = asyncio.create_task(count())
    try:
        yield
    finally:
        task.cancel()


@contextmanager
def _less_garbage_collection() -> Iterator[None]:
    """Exclude everything that was loaded at start from garbage collection, which cost a run 15 % of its time."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
