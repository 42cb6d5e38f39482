"""What lasts as long as the server process: connections that calls keep open (`integrations.pool`)."""

from typing import Any

from config.bodies import Application, Receive, Send
from integrations.pool import keeping_connections


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
        async with keeping_connections():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})
