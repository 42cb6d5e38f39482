"""Load from a process of its own: so many connections, each with one call after the other, for so many seconds.

`python -m tests.benchmarks.load`, with what to do as JSON on standard input; prints what came of it as JSON.
"""

import asyncio
import json
import sys
import time
from typing import Any

import aiohttp

TIMEOUT_SECONDS = 30


async def load(
    url: str, headers: dict[str, str], connections: int, seconds: float, expected: str, body: str
) -> dict[str, Any]:
    """Calls made, the time that they took together, and the milliseconds that half and 99 % of them stayed below."""
    taken: list[float] = []
    failed = 0
    ending = time.perf_counter() + seconds
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers) as session:

        async def one_after_the_other() -> None:
            nonlocal failed
            while time.perf_counter() < ending:
                started = time.perf_counter()
                try:
                    async with session.post(url, data=body.encode()) as response:
                        fine = response.status == 200 and expected in await response.text()
                except (aiohttp.ClientError, TimeoutError):
                    fine = False
                taken.append(time.perf_counter() - started)
                failed += not fine

        started = time.perf_counter()
        await asyncio.gather(*(one_after_the_other() for _ in range(connections)))
        elapsed = time.perf_counter() - started
    taken.sort()
    return {
        "calls": len(taken),
        "failed": failed,
        "seconds": elapsed,
        "p50_ms": taken[len(taken) // 2] * 1000,
        "p99_ms": taken[len(taken) * 99 // 100] * 1000,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(load(**json.loads(sys.stdin.read())))))
