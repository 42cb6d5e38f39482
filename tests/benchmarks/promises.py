"""What each promise costs a run: the processor time of one without it, beside that of a whole one.

And what each economy saves. 64 connections, a fast upstream, one worker; all take turns in every round.
"""

import sys
from contextlib import ExitStack

from django.db import connections

from tests.benchmarks.broker import EXPECTED, HEADER, stored
from tests.benchmarks.competing import Cell, Competitor, postmaster, uvicorn
from tests.benchmarks.processes import free_port, serving

CONNECTIONS = 64
ROUNDS = 5
WHOLE = "nothing"
PARTS = (
    "masking",
    "records",
    "judging addresses",
    "stamps of last use",
    "kept connections",
    "shared look-ups and commits",
)


def measure() -> list[dict[str, object]]:
    """Calls a second and CPU milliseconds a run without each, and the difference to a whole run."""
    upstream = free_port()
    with ExitStack() as stack:
        command = [sys.executable, "-m", "tests.benchmarks.upstream", str(upstream)]
        stack.enter_context(serving(command, upstream, {"EXPECTED": HEADER}))
        paths, headers = stored(f"http://127.0.0.1:{upstream}")
        cells = []
        for part in (WHOLE, *PARTS):
            port = free_port()
            environment = {} if part == WHOLE else {"WITHOUT": part}
            pid = stack.enter_context(serving(uvicorn("tests.benchmarks.without:application", port), port, environment))
            urls = {"fast": f"http://127.0.0.1:{port}{paths['fast']}"}
            cells.append(Cell(Competitor(part, urls, headers, (pid, postmaster())), "fast", CONNECTIONS, EXPECTED))
        connections.close_all()
        for cell in cells:
            cell.warm_up()
        for _ in range(ROUNDS):
            for cell in cells:
                cell.measure()
    whole = cells[0].median("cpu_ms")
    return [
        {
            "without": cell.competitor.name,
            "per_second": round(cell.median("per_second")),
            "cpu_ms": round(cell.median("cpu_ms"), 2),
            "difference_ms": round(cell.median("cpu_ms") - whole, 2),
        }
        for cell in cells
    ]
