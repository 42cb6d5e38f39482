"""The inventory, as a page and through the API, at several sizes of organization.

Sizes take turns in every round, so that what else the machine does hits all of them alike; medians are compared.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.benchmarks.seeds import owner_of
from tests.things import key_for

SIZES = {10: 10, 30: 10, 1_000: 10, 10_000: 10, 100_000: 1}
"""Secrets, and references to each: 10,000 secrets have 100,000. A page has at most 30 rows: 30 secrets fill one."""

ROUNDS = 15
SMALLEST = min(SIZES)


@dataclass
class Measured:
    """One kind of request to one organization: queries, and the seconds of each round."""

    label: str
    size: int
    send: Callable[[], object]
    queries: int = 0
    seconds: list[float] = field(default_factory=list)

    @property
    def median_ms(self) -> float:
        """Milliseconds."""
        return statistics.median(self.seconds) * 1000


def measure() -> list[dict[str, object]]:
    """Every kind of request at every size: queries, median milliseconds, and the ratio to the smallest size."""
    cases = [case for size, each in SIZES.items() for case in _cases(size, each)]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    for case in cases:
        case.send()
        with CaptureQueriesContext(connection) as queries:
            case.send()
        case.queries = len(queries)
    for _ in range(ROUNDS):
        for case in cases:
            started = time.perf_counter()
            case.send()
            case.seconds.append(time.perf_counter() - started)
    smallest = {case.label: case.median_ms for case in cases if case.size == SMALLEST}
    return [
        {
            "request": case.label,
            "secrets": case.size,
            "references": case.size * SIZES[case.size],
            "queries": case.queries,
            "median_ms": round(case.median_ms, 2),
            "ratio": round(case.median_ms / smallest[case.label], 2),
        }
        for case in sorted(cases, key=lambda case: (case.label, case.size))
    ]


def _cases(size: int, references_each: int) -> list[Measured]:
    owner = owner_of(size, references_each=references_each)
    browser = Client(headers={"host": "localhost"})
    browser.force_login(User.objects.get(pk=owner.id))
    page = f"/o/{owner.organization.slug}/secrets/"
    api = {"authorization": f"Bearer {key_for(owner)}", "host": "localhost"}
    paths = {
        "page": page,
        "page, active only": f"{page}?status=active",
        "page, missing only": f"{page}?status=missing",
        "numbers by status": f"{page}counts/",
        "page, search": f"{page}?q=key1",
        **{f"page, by {order}": f"{page}?sort={order}" for order in ORDERS},
    }
    cases = [Measured(label, size, lambda path=path: _get(browser, path)) for label, path in paths.items()]
    for limit in (10, 30):
        path = f"/api/v1/secrets?limit={limit}"
        cases.append(Measured(f"API, {limit} rows", size, lambda path=path: _get(browser, path, api)))
    return cases


ORDERS = ("-name", "-used", "-usage")


def _get(client: Client, path: str, headers: dict[str, str] | None = None) -> None:
    response = client.get(path, headers=headers or {})
    assert response.status_code == 200, (path, response.status_code)
