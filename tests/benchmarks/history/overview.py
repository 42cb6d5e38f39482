"""The overview of each period, with a thousand runs over thirty days and with a million.

Both are organizations of one database, with the same integrations, environments, outcomes and durations. `GROWTH=0.1`
makes both a tenth as long. The runs of the last hour or so are counted when the page is shown, as in a server at work.
"""

import os
from datetime import timedelta

from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.actors import Actor
from integrations.figures.keeping import count_hours
from integrations.models import Integration
from tests.benchmarks.measuring import Measured, get, in_rounds
from tests.benchmarks.seeds import owner_of
from tests.support.sign_in import sign_in
from tests.support.things import key_for

SHARE = float(os.environ.get("GROWTH", "1"))
SIZES = (1_000, 1_000_000)
ROUNDS = 25
OVER = timedelta(days=30)

_RUNS = """
INSERT INTO integrations_run (id, organization_id, integration_id, integration_name, kind, operation, note, environment,
    caller_kind, caller_id, principal_id, caller, outcome, error_code, host, status, duration_ms, steps, address,
    answer_bytes, request_id, started_at)
SELECT gen_random_uuid(), %(organization)s, (%(integrations)s::uuid[])[1 + n %% %(kinds)s], 'Look up patient',
    'api_action', 'call', '', CASE WHEN n %% 5 = 0 THEN 'staging' ELSE 'production' END, 'api_key', %(key)s, %(key)s,
    'API key agent', CASE WHEN n %% 97 = 0 THEN 'upstream_error' ELSE 'succeeded' END, '', 'api.example.com',
    CASE WHEN n %% 97 = 0 THEN 404 ELSE 200 END, (exp(random() * 3) * 40)::int, '{}', '', 412, '',
    %(now)s - n * (%(over)s / %(count)s)
FROM generate_series(0, %(count)s - 1) n
"""


def measure() -> list[dict[str, object]]:
    """Every period at both lengths: statements, median milliseconds, and the ratio to the smaller organization."""
    cases = [case for size in SIZES for case in _cases(max(100, int(size * SHARE)))]
    return [
        {
            "request": case.label,
            "runs": case.size,
            "queries": case.queries,
            "bytes": case.weight,
            "median_ms": round(case.median_ms, 2),
            "ratio": ratio,
        }
        for case, ratio in in_rounds(cases, ROUNDS)
    ]


def _cases(size: int) -> list[Measured]:
    owner = owner_of(10, references_each=1, label=f"{size} runs")
    _fill(owner, size)
    browser = Client(headers={"host": "localhost"})
    sign_in(browser, owner)
    site = f"/o/{owner.organization.slug}/overview/"
    pages = {
        "last 24 hours": "",
        "last 7 days": "?period=7d",
        "last 30 days": "?period=30d",
        "the five figures": "figures/",
    }
    return [Measured(name, size, lambda path=path: get(browser, site + path)) for name, path in pages.items()]


def _fill(owner: Actor, size: int) -> None:
    """Add the runs, and count the hours that are over."""
    key_for(owner)
    integrations = list(Integration.objects.of(owner.organization).values_list("pk", flat=True)[:10])
    values = {
        "organization": owner.organization.pk,
        "integrations": integrations,
        "kinds": len(integrations),
        "key": owner.organization.api_keys.get().pk,
        "now": timezone.now(),
        "over": OVER,
        "count": size,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RUNS, values)
    count_hours(owner.organization.pk)
