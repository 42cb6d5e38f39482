"""The clients of this part: `python -m tests.benchmarks.streams.load`, with a task on standard input."""

import asyncio
import json
import re
import statistics
import sys
import time
from typing import Any

import aiohttp

_SENT = re.compile(rb"at ([0-9.]+);")
STALLED_SECONDS = 1.0
"""A pause between two events that somebody who listens would notice; the upstream sends one every 100 ms."""


async def first_bytes(session: aiohttp.ClientSession, task: dict[str, Any]) -> dict[str, float]:
    """The time to the first byte of the body, over addresses that take turns, in milliseconds."""
    found: dict[str, list[float]] = {name: [] for name in task["urls"]}
    for number in range(task["times"]):
        for name, url in task["urls"].items():
            started = time.perf_counter()
            async with session.get(url, headers=task["headers"][name]) as answer:
                await answer.content.readany()
                taken = time.perf_counter() - started
                await answer.read()
                answer.raise_for_status()
            if number:  # the first opens connections
                found[name].append(taken * 1000)
    return {f"{name} p50": statistics.median(each) for name, each in found.items()} | {
        f"{name} p99": sorted(each)[int(len(each) * 0.99)] for name, each in found.items()
    }


async def many(session: aiohttp.ClientSession, task: dict[str, Any]) -> dict[str, float]:
    """Streams at once: how late events come, and how many streams stall or are not whole."""
    done = await asyncio.gather(*(_one(session, task) for _ in range(task["streams"])))
    late = sorted(delay for delays, _ in done for delay in delays)
    return {
        "stalled": sum(longest > STALLED_SECONDS for _, longest in done),
        "incomplete": sum(len(delays) != task["events"] for delays, _ in done),
        "late_p50_ms": late[len(late) // 2] * 1000,
        "late_p99_ms": late[int(len(late) * 0.99)] * 1000,
        "longest_pause_ms": max(longest for _, longest in done) * 1000,
    }


async def _one(session: aiohttp.ClientSession, task: dict[str, Any]) -> tuple[list[float], float]:
    late, longest, rest, before = [], 0.0, b"", 0.0
    async with session.get(task["url"], headers=task["headers"]) as answer:
        async for piece in answer.content.iter_any():
            now = time.monotonic()
            longest, before = max(longest, now - (before or now)), now
            *events, rest = (rest + piece).split(b"\n\n")
            late += [now - float(sent[1]) for event in events if (sent := _SENT.search(event))]
    return late, longest


async def through(session: aiohttp.ClientSession, task: dict[str, Any]) -> dict[str, float]:
    """One stream as fast as it comes, in MB a second."""
    size, started = 0, time.perf_counter()
    async with session.get(task["url"], headers=task["headers"]) as answer:
        async for piece in answer.content.iter_any():
            size += len(piece)
    if size != task["mebibytes"] * 2**20:
        raise RuntimeError(f"{size} bytes came.")
    return {"mb_per_second": size / (time.perf_counter() - started) / 1e6}


KINDS = {"first_bytes": first_bytes, "many": many, "through": through}


async def _main() -> None:
    task = json.load(sys.stdin)
    connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=300)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, read_bufsize=2**20) as session:
        json.dump(await KINDS[task["kind"]](session, task), sys.stdout)


if __name__ == "__main__":
    asyncio.run(_main())
