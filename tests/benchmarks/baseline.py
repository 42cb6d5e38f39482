"""The baseline: what any broker in Python costs. A bare ASGI callable that reads one row and forwards the call.

`uvicorn tests.benchmarks.baseline:application`, with BASELINE_DATABASE and BASELINE_UPSTREAM in its environment.
"""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp
import psycopg

THREADS = 8

_pool = ThreadPoolExecutor(THREADS)
_own = threading.local()
_sessions: list[aiohttp.ClientSession] = []


def _read() -> str:
    if not hasattr(_own, "connection"):
        _own.connection = psycopg.connect(os.environ["BASELINE_DATABASE"], autocommit=True)
    row = _own.connection.execute("SELECT header FROM benchmark_baseline WHERE id = %s", (1,)).fetchone()
    return row[0]


def _session() -> aiohttp.ClientSession:
    if not _sessions:
        _sessions.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
    return _sessions[0]


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Read the row in a thread, forward to the upstream, pass its answer on."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    header = await asyncio.get_running_loop().run_in_executor(_pool, _read)
    url = os.environ["BASELINE_UPSTREAM"] + scope["path"]
    async with _session().get(url, headers={"Authorization": header}) as response:
        body, status = await response.read(), response.status
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
