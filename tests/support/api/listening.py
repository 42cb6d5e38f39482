"""Coffer on a port of loopback, within a test's process and on its database, for clients that are programs."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import uvicorn
from django.test import override_settings

from config.asgi import application
from integrations.egress import own_ports
from tests.support.api.asgi import served


@asynccontextmanager
async def listening(key: str = "") -> AsyncIterator[str]:
    """Serve until the block ends; the address. A request without an API key gets this one, if one is given.

    The port is nobody's afterwards: the next upstream may get it.
    """
    authorization = (b"authorization", f"Bearer {key}".encode())

    async def with_key(scope: Any, receive: Any, send: Any) -> None:
        if key and scope["type"] == "http" and b"authorization" not in dict(scope["headers"]):
            scope = {**scope, "headers": [*scope["headers"], authorization]}
        await application(scope, receive, send)

    with socket.create_server(("127.0.0.1", 0)) as bound:
        # Connections inherit it. Without it a body waits 40 ms for the acknowledgement of its head.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        address = f"http://localhost:{bound.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(with_key, lifespan="off", log_config=None, access_log=False))
        with override_settings(SITE_URL=address), patch.object(own_ports, "SERVED", set()):
            async with served(application):
                serving = asyncio.create_task(server.serve(sockets=[bound]))
                try:
                    yield address
                finally:
                    server.should_exit = True
                    await serving


async def output_of(*command: str | Path, seconds: float = 60, **environment: str) -> tuple[int, str, str]:
    """Exit status, output and errors of a program; it is killed where it takes longer."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/tmp"), **environment},
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), seconds)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    return process.returncode or 0, out.decode(), err.decode()
