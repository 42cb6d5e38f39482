"""What each promise costs a run: the processor time of one without it, beside that of a whole one.

And what each economy saves: with 64 connections, and with one, which shares with nobody. A fast upstream, one worker;
all take turns in every round.
"""

import sys
from contextlib import ExitStack

from django.db import connections

from tests.benchmarks.broker import EXPECTED, HEADER, stored
from tests.benchmarks.competing import Cell, Competitor, postmaster, uvicorn
from tests.benchmarks.processes import free_port, serving

CONNECTIONS, ALONE = 64, 1
ROUNDS = 5
WHOLE = "nothing"
PARTS = (
    "masking",
    "records",
    "judging addresses",
    "stamps of last use",
    "durable commits",
    "look-ups composed once",
    "the way past the framework",
    "kept connections",
    "shared look-ups and commits",
)


def measure() -> list[dict[str, object]]:
    """Calls a second, CPU milliseconds a run and the milliseconds of one alone without each; the differences."""
    upstream = free_port()
    with ExitStack() as stack:
        command = [sys.executable, "-m", "tests.benchmarks.upstream", str(upstream)]
        stack.enter_context(serving(command, upstream, {"EXPECTED": HEADER}))
        paths, headers = stored(f"http://127.0.0.1:{upstream}")
        pairs = []
        for part in (WHOLE, *PARTS):
            port = free_port()
            environment = {} if part == WHOLE else {"WITHOUT": part}
            pid = stack.enter_context(serving(uvicorn("tests.benchmarks.without:application", port), port, environment))
            urls = {"fast": f"http://127.0.0.1:{port}{paths['fast']}"}
            competitor = Competitor(part, urls, headers, (pid, postmaster()))
            pairs.append([Cell(competitor, "fast", number, EXPECTED) for number in (CONNECTIONS, ALONE)])
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


def _row(many: Cell, one: Cell, whole: Cell, whole_alone: Cell) -> dict[str, object]:
    return {
        "without": many.competitor.name,
        "per_second": round(many.median("per_second")),
        "cpu_ms": round(many.median("cpu_ms"), 2),
        "difference_ms": round(many.median("cpu_ms") - whole.median("cpu_ms"), 2),
        "alone_p50_ms": round(one.median("p50_ms"), 1),
        "alone_difference_ms": round(one.median("p50_ms") - whole_alone.median("p50_ms"), 1),
    }
