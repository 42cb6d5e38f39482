"""What is counted and timed while Coffer works. No label holds anything that a caller or a person wrote.

`prometheus_client` must know the folder of the server before it is imported (`folder.prepare`), so nothing imports this
module but what measures.
"""

import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from accounts.common import observers

SHORT = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
LONG = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Seconds; the upper bounds of buckets."""

REGISTRY = CollectorRegistry()
RUNS = Counter(
    "coffer_runs", "Runs on record, by kind, outcome and code.", ["kind", "outcome", "code"], registry=REGISTRY
)
STEPS = Histogram("coffer_step_seconds", "How long a step of a run takes.", ["step"], registry=REGISTRY, buckets=LONG)
IN_PROGRESS = Gauge(
    "coffer_steps_in_progress",
    "Runs that are in a step, or wait for it, in all processes of this server.",
    ["step"],
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
QUERIES = Histogram("coffer_database_seconds", "How long a query takes.", registry=REGISTRY, buckets=SHORT)
REQUESTS = Counter("coffer_requests", "Requests but probes, by class of status.", ["status"], registry=REGISTRY)
REFUSALS = Counter("coffer_refusals", "Requests that were refused or failed with a code.", ["code"], registry=REGISTRY)


class StepTimer:
    """Times a step and counts it as under way meanwhile."""

    __slots__ = ("_in_progress", "_seconds", "_started")

    def __init__(self, name: str) -> None:
        self._seconds, self._in_progress = _of_step(name)

    def __enter__(self) -> None:
        self._in_progress.inc()
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._seconds.observe(time.perf_counter() - self._started)
        self._in_progress.dec()


@cache
def _of_step(name: str) -> tuple[Histogram, Gauge]:
    return STEPS.labels(name), IN_PROGRESS.labels(name)


@cache
def _of_outcome(kind: str, outcome: str, code: str) -> Counter:
    return RUNS.labels(kind, outcome, code)


@cache
def _of_status(status: int) -> Counter:
    return REQUESTS.labels(f"{status // 100}xx")


def measure() -> None:
    """Measure from now on."""
    observers.step = StepTimer
    observers.RUN_ENDED.append(count_run)
    observers.REQUEST_ENDED.append(count_request)
    observers.round_trip = QUERIES.time
    observers.TIMERS.append(_timed)
    connection_created.connect(time_queries)


def count_run(ids: Mapping[str, str], outcome: str, code: str) -> None:
    """Count a run that is on record."""
    _of_outcome(ids["kind"], outcome, code).inc()


def count_request(status: int, notes: Mapping[str, str]) -> None:
    """Count a request, and its refusal."""
    _of_status(status).inc()
    if "code" in notes:
        REFUSALS.labels(notes["code"]).inc()


def time_queries(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Time each query of a connection (the signal `connection_created`)."""
    if _timed not in connection.execute_wrappers:
        connection.execute_wrappers.append(_timed)


def _timed(execute: Callable[..., Any], *arguments: Any) -> Any:
    started = time.perf_counter()
    try:
        return execute(*arguments)
    finally:
        QUERIES.observe(time.perf_counter() - started)
