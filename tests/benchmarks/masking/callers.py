"""What one caller notices of eight others whose answers are a hostile MiB: whole runs through a served Coffer."""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from django.db import connections

from tests.benchmarks import broker
from tests.benchmarks.competing import uvicorn
from tests.benchmarks.masking.rows import Row, row
from tests.benchmarks.processes import free_port, serving

ROUNDS = 5
SECONDS = 8.0
HOSTILE_CALLERS = 8


def beside_hostile_answers() -> Iterator[Row]:
    """Yield the median of one caller alone, and beside the others; both in turn in every round."""
    alone, beside = [], []
    with _served() as (headers, urls):
        _load(headers, urls["fast"], 1)  # a warm-up, which does not count
        for _ in range(ROUNDS):
            alone.append(_load(headers, urls["fast"], 1))
            with _loading(headers, urls["hostile"], HOSTILE_CALLERS):
                beside.append(_load(headers, urls["fast"], 1))
    yield row("a whole run", "alone, median", round(statistics.median(alone), 1), "ms")
    of = f"beside {HOSTILE_CALLERS} callers of a hostile MiB, median"
    yield row("a whole run", of, round(statistics.median(beside), 1), "ms")


@contextmanager
def _served() -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Serve Coffer and its upstream; the headers of a caller and the addresses of its runs."""
    upstream, port = free_port(), free_port()
    paths, headers = broker.stored(f"http://127.0.0.1:{upstream}", ["fast", "hostile"])
    connections.close_all()
    with ExitStack() as stack:
        command = [sys.executable, "-m", "tests.benchmarks.upstream", str(upstream)]
        stack.enter_context(serving(command, upstream, {"EXPECTED": broker.HEADER}))
        stack.enter_context(serving(uvicorn("config.asgi:application", port), port))
        urls = {which: f"http://127.0.0.1:{port}{path}" for which, path in paths.items()}
        yield {"Content-Type": "application/json", **headers}, urls


@contextmanager
def _loading(headers: dict[str, str], url: str, callers: int) -> Iterator[None]:
    """Call an address from a process of its own until the block ends."""
    task = _task(headers, url, callers, seconds=SECONDS * 2)
    command = [sys.executable, "-m", "tests.benchmarks.load"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        process.stdin.write(task)
        process.stdin.close()
        try:
            yield
        finally:
            process.kill()


def _load(headers: dict[str, str], url: str, callers: int) -> float:
    """Call an address from a process of its own; the median in milliseconds."""
    command = [sys.executable, "-m", "tests.benchmarks.load"]
    task = _task(headers, url, callers, SECONDS)
    done = json.loads(subprocess.run(command, input=task, capture_output=True, text=True, check=True).stdout)
    if done["failed"]:
        raise RuntimeError(f"{done['failed']} of {done['calls']} calls failed.")
    return done["p50_ms"]


def _task(headers: dict[str, str], url: str, callers: int, seconds: float) -> str:
    return json.dumps({"url": url, "headers": headers, "connections": callers, "seconds": seconds, "expected": ""})
