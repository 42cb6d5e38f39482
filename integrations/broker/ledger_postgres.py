"""The ledger's two writes on PostgreSQL, each as one statement: one round trip and one commit for a whole batch.

`bulk_create` twice would be four round trips, and longer over each row. The rows go as JSON, which costs a third of
what an array for each column does. `tests/integrations/test_ledger.py` compares the columns with those of the models.
"""

import json
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
    SELECT * FROM json_to_recordset(%s::json) AS run (
        id uuid, organization_id uuid, integration_id uuid, integration_name text, kind text, operation text,
        note text, environment text, caller_kind text, caller_id uuid, caller text, outcome text, error_code text,
        host text, status smallint, duration_ms int, started_at timestamptz
    )
)
INSERT INTO integrations_runsecret (run_id, secret_id, name, version, started_at)
SELECT * FROM json_to_recordset(%s::json) AS used (
    run_id uuid, secret_id uuid, name text, version int, started_at timestamptz
)
"""

_FINISH = """
UPDATE integrations_run AS run
SET outcome = ended.outcome, duration_ms = ended.ms, error_code = ended.code, status = ended.status
FROM json_to_recordset(%s::json) AS ended (id uuid, outcome text, ms int, code text, status smallint)
WHERE run.id = ended.id
"""
_ENDED = ("id", "outcome", "ms", "code", "status")

_of_run, _of_secret = attrgetter(*RUN), attrgetter(*SECRET)


def insert(runs: Sequence[Run], used: Sequence[RunSecret]) -> None:
    """Store runs and the secrets that they use, all or none."""
    rows = [dict(zip(RUN, _of_run(run), strict=True)) for run in runs]
    secrets = [dict(zip(SECRET, _of_secret(secret), strict=True)) for secret in used]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [_as_json(rows), _as_json(secrets)])


def finish(ends: Sequence[tuple[UUID, str, int, str, int | None]]) -> None:
    """Store how runs ended: id, outcome, milliseconds, error code and the upstream's status of each."""
    rows = [dict(zip(_ENDED, end, strict=True)) for end in ends]
    with connection.cursor() as cursor:
        cursor.execute(_FINISH, [_as_json(rows)])


def _as_json(rows: Sequence[object]) -> str:
    """Ids and times as texts, which the statements give their types back."""
    return json.dumps(rows, default=str)
