"""The lists of runs and of audit events at several lengths, through the API: the first page, and one in the middle."""

from datetime import datetime, timedelta
from uuid import uuid4

from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.actors import Actor
from accounts.common.paging import encode_cursor
from tests.benchmarks.measuring import Measured, get, in_rounds
from tests.benchmarks.seeds import owner_of
from tests.support.things import key_for

RECORDS = (1_000, 10_000, 100_000, 1_000_000)
EVERY = timedelta(seconds=5)

_RUNS = """
INSERT INTO integrations_run (id, organization_id, integration_id, integration_name, kind, operation, environment,
    caller_kind, caller, outcome, error_code, host, note, started_at, status, duration_ms)
SELECT gen_random_uuid(), %(organization)s, %(integration)s, 'Look up patient', 'api_action', 'call', 'production',
    'api_key', 'API key agent', 'succeeded', '', 'api.example.com', '', %(now)s - n * %(every)s, 200, 212
FROM generate_series(1, %(count)s) n
"""

_EVENTS = """
INSERT INTO accounts_auditevent (id, organization_id, sequence, created_at, event, outcome, actor_kind, actor_id,
    actor_label, target_kind, target_id, target_label, environment, data, chain)
SELECT gen_random_uuid(), %(organization)s, 1000 + n, %(now)s - (%(count)s - n) * %(every)s, 'secret.changed', 'done',
    'user', %(integration)s, 'Owner', 'secret', gen_random_uuid(), 'crm.apiKey', '', '{}', '\\x00'
FROM generate_series(1, %(count)s) n
"""


def measure() -> list[dict[str, object]]:
    """Queries, median milliseconds, and the ratio to the shortest list."""
    cases = [case for count in RECORDS for case in _lists(count)]
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


def _lists(count: int) -> list[Measured]:
    owner = owner_of(10, references_each=1, label=f"{count} records")
    now = timezone.now()
    _fill(owner, count, now)
    middle = (now - EVERY * (count // 2)).isoformat()
    runs, events = encode_cursor([middle, str(uuid4())]), encode_cursor([middle, str(1000 + count // 2)])
    headers = {"authorization": f"Bearer {key_for(owner)}", "host": "localhost"}
    client = Client()
    paths = {
        "runs, first page": "/api/v1/runs",
        "runs, in the middle": f"/api/v1/runs?cursor={runs}",
        "audit, first page": "/api/v1/audit-events",
        "audit, in the middle": f"/api/v1/audit-events?cursor={events}",
    }
    return [Measured(label, count, lambda path=path: get(client, path, headers)) for label, path in paths.items()]


def _fill(owner: Actor, count: int, now: datetime) -> None:
    values = {"organization": owner.organization.pk, "integration": uuid4(), "now": now, "every": EVERY, "count": count}
    fill_runs(owner, count, now)
    with connection.cursor() as cursor:
        cursor.execute(_EVENTS, values)


def fill_runs(owner: Actor, count: int, now: datetime) -> None:
    """Add runs of one integration that does not exist."""
    values = {"organization": owner.organization.pk, "integration": uuid4(), "now": now, "every": EVERY, "count": count}
    with connection.cursor() as cursor:
        cursor.execute(_RUNS, values)
