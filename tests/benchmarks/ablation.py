"""What each part of a run costs or saves: an ablation, which serves Coffer with one part switched off at a time.

Measured with 64 connections and with one, a fast upstream and one worker. The servers take turns in every round.
"""

import sys
from contextlib import ExitStack

from django.db import connections

from tests.benchmarks.broker import EXPECTED, HEADER, stored
from tests.benchmarks.competing import Cell, Competitor, postmaster, uvicorn
from tests.benchmarks.processes import free_port, serving

CONNECTIONS, ONE = 64, 1
ROUNDS = 5
COMPLETE = "nothing"
PARTS = (
    "masking",
    "records",
    "judging addresses",
    "last-used times",
    "durable commits",
    "compiled queries",
    "round trips and kept plans",
    "the fast path",
    "kept connections",
    "shared look-ups and commits",
)


def measure() -> list[dict[str, object]]:
    """Calls a second, CPU milliseconds a run, and the median of one connection, without each part; the differences."""
    upstream = free_port()
    with ExitStack() as stack:
        command = [sys.executable, "-m", "tests.benchmarks.upstream", str(upstream)]
        stack.enter_context(serving(command, upstream, {"EXPECTED": HEADER}))
        paths, headers = stored(f"http://127.0.0.1:{upstream}")
        pairs = []
        for part in (COMPLETE, *PARTS):
            port = free_port()
            environment = {} if part == COMPLETE else {"WITHOUT": part}
            pid = stack.enter_context(serving(uvicorn("tests.benchmarks.without:application", port), port, environment))
            urls = {"fast": f"http://127.0.0.1:{port}{paths['fast']}"}
            competitor = Competitor(part, urls, headers, (pid, postmaster()))
            pairs.append([Cell(competitor, "fast", number, EXPECTED) for number in (CONNECTIONS, ONE)])
        connections.close_all()
        for many, _ in pairs:
            many.warm_up()
        for _ in range(ROUNDS):
            for many, one in pairs:
                many.measure()
                one.measure()
    if failed := [cell.competitor.name for pair in pairs for cell in pair if cell.median("failed")]:
        raise RuntimeError(f"Calls failed without {', '.join(failed)}.")
    return [_row(many, one, *pairs[0]) for many, one in pairs]


def _row(many: Cell, one: Cell, complete: Cell, complete_one: Cell) -> dict[str, object]:
    return {
        "without": many.competitor.name,
        "per_second": round(many.median("per_second")),
        "cpu_ms": round(many.median("cpu_ms"), 2),
        "difference_ms": round(many.median("cpu_ms") - complete.median("cpu_ms"), 2),
        "one_connection_p50_ms": round(one.median("p50_ms"), 1),
        "one_connection_difference_ms": round(one.median("p50_ms") - complete_one.median("p50_ms"), 1),
    }
