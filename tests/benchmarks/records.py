"""The list of runs at several lengths, through the API: the first page, and one in the middle."""

from datetime import timedelta
from uuid import uuid4

from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.actors import Actor
from accounts.paging import encode_cursor
from tests.benchmarks.measuring import Measured, get, in_rounds
from tests.benchmarks.seeds import owner_of
from tests.things import key_for

RUNS = (1_000, 10_000, 100_000, 1_000_000)
EVERY = timedelta(seconds=5)

_SEED = """
INSERT INTO integrations_run (id, organization_id, integration_id, integration_name, kind, operation, environment,
    caller_kind, caller, outcome, error_code, host, note, started_at, status, duration_ms)
SELECT gen_random_uuid(), %(organization)s, %(integration)s, 'Look up patient', 'api_action', 'call', 'production',
    'api_key', 'API key agent', 'succeeded', '', 'api.example.com', '', %(now)s - n * %(every)s, 200, 212
FROM generate_series(1, %(count)s) n
"""


def measure() -> list[dict[str, object]]:
    """Queries, median milliseconds, and the ratio to the shortest list."""
    cases = [case for count in RUNS for case in _runs(count)]
    return [
        {
            "request": case.label,
            "records": case.size,
            "queries": case.queries,
            "median_ms": round(case.median_ms, 2),
            "ratio": ratio,
        }
        for case, ratio in in_rounds(cases)
    ]


def _runs(count: int) -> list[Measured]:
    owner = owner_of(10, references_each=1, label=f"{count} runs")
    now = timezone.now()
    _fill(owner, count, now)
    middle = encode_cursor([(now - EVERY * (count // 2)).isoformat(), str(uuid4())])
    headers = {"authorization": f"Bearer {key_for(owner)}", "host": "localhost"}
    client = Client()
    paths = {"runs, first page": "/api/v1/runs", "runs, in the middle": f"/api/v1/runs?cursor={middle}"}
    return [Measured(label, count, lambda path=path: get(client, path, headers)) for label, path in paths.items()]


def _fill(owner: Actor, count: int, now) -> None:
    values = {"organization": owner.organization.pk, "integration": uuid4(), "now": now, "every": EVERY, "count": count}
    with connection.cursor() as cursor:
        cursor.execute(_SEED, values)
