"""What lasts as long as the server process: pooled connections, the MCP server, the processes that make views of large
answers, the garbage collector's settings."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from accounts.common.database import in_database
from config.api.agent_server import serving_agents
from config.http.requests import Receive, Send
from integrations.transport.connections import keeping_connections
from secrets_app.redaction.view_processes import VIEW_PROCESSES
from secrets_app.sealing import canaries

GARBAGE = (10_000, 20, 50)
"""The thresholds of the three generations (`gc.set_threshold`)."""


async def lifespan(_scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Handle the server's start and stop (ASGI, "Lifespan"). It does not start with a wrong master key."""
    await receive()
    if problems := await in_database(canaries.problems_at_start):
        await send({"type": "lifespan.startup.failed", "message": "\n".join(problems)})
        return
    with _less_garbage_collection():
        async with keeping_connections(), serving_agents():
            await send({"type": "lifespan.startup.complete"})
            await receive()
    await asyncio.to_thread(VIEW_PROCESSES.stop)
    await send({"type": "lifespan.shutdown.complete"})


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
