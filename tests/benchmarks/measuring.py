"""Requests of one kind at several sizes, measured so that what else the machine does hits all of them alike."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

ROUNDS = 15


@dataclass
class Measured:
    """One kind of request at one size: queries, bytes of the answer, and the seconds of each round."""

    label: str
    size: int
    send: Callable[[], int]
    queries: int = 0
    weight: int = 0
    seconds: list[float] = field(default_factory=list)

    @property
    def median_ms(self) -> float:
        """Milliseconds."""
        return statistics.median(self.seconds) * 1000


def in_rounds(cases: list[Measured], rounds: int = ROUNDS) -> list[tuple[Measured, float]]:
    """Measure: the cases take turns in every round. Each comes with its ratio to the smallest of its kind."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    for case in cases:
        case.send()
        with CaptureQueriesContext(connection) as queries:
            case.weight = case.send()
        case.queries = len(queries)
    for _ in range(rounds):
        for case in cases:
            started = time.perf_counter()
            case.send()
            case.seconds.append(time.perf_counter() - started)
    smallest = {case.label: case.median_ms for case in sorted(cases, key=lambda case: -case.size)}
    ordered = sorted(cases, key=lambda case: (case.label, case.size))
    return [(case, round(case.median_ms / smallest[case.label], 2)) for case in ordered]


def get(client: Client, path: str, headers: dict[str, str] | None = None) -> int:
    """One request that has to work; the bytes of its answer."""
    response = client.get(path, headers=headers or {})
    assert response.status_code == 200, (path, response.status_code, response.headers.get("Location"))
    return len(response.content)
