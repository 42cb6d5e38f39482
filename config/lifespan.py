"""What lasts as long as the server process: connections that calls keep open, and how its garbage is collected."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from config.api.agents import serving_agents
from config.http.bodies import Application, Receive, Send
from integrations.transport.connections import keeping_connections

GARBAGE = (10_000, 20, 50)
"""New objects before the youngest are looked through, and how many of those looks before the older ones are."""


class Lifespan:
    """An ASGI application in front of another one that answers the server's start and stop (ASGI, "Lifespan")."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Pass on everything else."""
        if scope["type"] != "lifespan":
            await self._application(scope, receive, send)
            return
        await receive()
        with _collecting_less():
            async with keeping_connections(), serving_agents():
                await send({"type": "lifespan.startup.complete"})
                await receive()
        await send({"type": "lifespan.shutdown.complete"})


@contextmanager
def _collecting_less() -> Iterator[None]:
    """Have the collector leave alone what was loaded at the start: looking through it cost a run 15 % of its time."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
