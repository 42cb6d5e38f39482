"""The list of secrets, as a page and through the API, at several sizes of organization.

Sizes take turns in every round, so that what else the machine does hits all of them alike; medians are compared.
"""

from django.test import Client

from tests.benchmarks.measuring import Measured, get, in_rounds
from tests.benchmarks.seeds import owner_of
from tests.support.sign_in import sign_in
from tests.support.things import key_for

SIZES = {10: 10, 30: 10, 1_000: 10, 10_000: 10, 100_000: 1}
"""Secrets, and references to each: 10,000 secrets have 100,000. A page has at most 30 rows: 30 secrets fill one."""


def measure() -> list[dict[str, object]]:
    """Every kind of request at every size: queries, median milliseconds, and the ratio to the smallest size."""
    cases = [case for size, each in SIZES.items() for case in _cases(size, each)]
    return [
        {
            "request": case.label,
            "secrets": case.size,
            "references": case.size * SIZES[case.size],
            "queries": case.queries,
            "median_ms": round(case.median_ms, 2),
            "ratio": ratio,
        }
        for case, ratio in in_rounds(cases)
    ]


def _cases(size: int, references_each: int) -> list[Measured]:
    owner = owner_of(size, references_each=references_each)
    browser = Client(headers={"host": "localhost"})
    sign_in(browser, owner)
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
    cases = [Measured(label, size, lambda path=path: get(browser, path)) for label, path in paths.items()]
    for limit in (10, 30):
        path = f"/api/v1/secrets?limit={limit}"
        cases.append(Measured(f"API, {limit} rows", size, lambda path=path: get(browser, path, api)))
    return cases


ORDERS = ("-name", "-used", "-usage")
