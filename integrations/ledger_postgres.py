"""The ledger's two writes on PostgreSQL, each as one statement: one round trip and one commit for a whole batch.

`bulk_create` twice would be four round trips, and longer over each row. `tests/integrations/test_ledger.py` compares
the columns with those of the models.
"""

from collections.abc import Sequence
from operator import attrgetter
from uuid import UUID

from django.db import connection

from integrations.models import Run, RunSecret

RUN = (
    "id",
    "organization_id",
    "integration_id",
    "integration_name",
    "kind",
    "operation",
    "note",
    "environment",
    "caller_kind",
    "caller_id",
    "caller",
    "outcome",
    "error_code",
    "host",
    "status",
    "duration_ms",
    "started_at",
)
SECRET = ("run_id", "secret_id", "name", "version", "started_at")

_INSERT = """
WITH runs AS (
    INSERT INTO integrations_run (
        id, organization_id, integration_id, integration_name, kind, operation, note, environment, caller_kind,
        caller_id, caller, outcome, error_code, host, status, duration_ms, started_at
    )
    SELECT * FROM unnest(
        %s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
        %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::smallint[], %s::int[], %s::timestamptz[]
    )
)
INSERT INTO integrations_runsecret (run_id, secret_id, name, version, started_at)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::int[], %s::timestamptz[])
"""

_FINISH = """
UPDATE integrations_run AS run
SET outcome = ended.outcome, duration_ms = ended.ms, error_code = ended.code, status = ended.status
FROM unnest(%s::uuid[], %s::text[], %s::int[], %s::text[], %s::smallint[]) AS ended (id, outcome, ms, code, status)
WHERE run.id = ended.id
"""


def insert(runs: Sequence[Run], used: Sequence[RunSecret]) -> None:
    """Store runs and the secrets that they use, all or none."""
    columns = [[read(run) for run in runs] for read in map(attrgetter, RUN)]
    columns += [[read(secret) for secret in used] for read in map(attrgetter, SECRET)]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, columns)


def finish(ends: Sequence[tuple[UUID, str, int, str, int | None]]) -> None:
    """Store how runs ended: id, outcome, milliseconds, error code and the upstream's status of each."""
    with connection.cursor() as cursor:
        cursor.execute(_FINISH, [list(column) for column in zip(*ends, strict=True)])
