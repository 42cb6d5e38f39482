"""What metrics cost a run: its five steps, its end, its request and eight queries, with and without them."""

import os
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

ROUNDS, TIMES = 9, 5_000
STEPS = ("admission", "upstream", "masking", "record")
RUN = {"kind": "api_action"}


def measure() -> list[dict[str, object]]:
    """Microseconds for each run, the best of several rounds; and those of a step alone."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        from config.monitoring import measures

        def ends() -> None:
            measures.count_run(RUN, "succeeded", "")
            measures.count_request(200, RUN)
            for _ in range(8):
                measures._timed(lambda: None)

        return [
            {"measured": "nothing", "microseconds": _each(lambda: _steps(nullcontext))},
            {"measured": "a step", "microseconds": _each(lambda: _step(measures.StepTimer))},
            {"measured": "a run", "microseconds": _each(lambda: (_steps(measures.StepTimer), ends()))},
        ]


def _step(step: Callable[[str], AbstractContextManager[object]]) -> None:
    with step("run"):
        pass


def _steps(step: Callable[[str], AbstractContextManager[object]]) -> None:
    with step("run"):
        for name in STEPS:
            with step(name):
                pass


def _each(call: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(TIMES):
            call()
        best = min(best, time.perf_counter() - started)
    return round(best / TIMES * 1e6, 1)
