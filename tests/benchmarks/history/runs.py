"""The list of runs with each of its filters, and one run, among a thousand runs and among a million.

Both lists are organizations of one database. `GROWTH=0.1` makes both a tenth as long.
"""

import os
from datetime import timedelta

from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.actors import Actor
from integrations.models import Run
from tests.benchmarks.measuring import Measured, get, in_rounds
from tests.benchmarks.seeds import owner_of
from tests.support.sign_in import sign_in

SHARE = float(os.environ.get("GROWTH", "1"))
SIZES = (1_000, 1_000_000)
ROUNDS = 15
EVERY = timedelta(seconds=2)
RARE = 60
"""Runs of each kind that did not succeed, spread over the list, so that a page of them is as full in both."""

_RUNS = """
INSERT INTO integrations_run (id, organization_id, integration_id, integration_name, kind, operation, note, environment,
    caller_kind, caller_id, principal_id, caller, outcome, error_code, host, status, duration_ms, steps, address,
    answer_bytes, request_id, started_at)
SELECT gen_random_uuid(), %(organization)s, md5('i' || n %% 20 || %(salt)s)::uuid, 'Look up patient', 'api_action',
    'call', '', CASE WHEN n %% 4 = 0 THEN 'staging' ELSE 'production' END, 'api_key',
    md5('k' || n %% 10 || %(salt)s)::uuid,
    md5('k' || n %% 10 || %(salt)s)::uuid, 'API key reception-agent',
    CASE n %% %(every)s WHEN 1 THEN 'failed' WHEN 2 THEN 'upstream_error' WHEN 3 THEN 'refused' ELSE 'succeeded' END,
    CASE n %% %(every)s WHEN 1 THEN 'upstream_timeout' WHEN 3 THEN 'secret_missing' ELSE '' END,
    'api.example.com', CASE n %% %(every)s WHEN 1 THEN NULL WHEN 2 THEN 401 WHEN 3 THEN NULL ELSE 200 END, 212,
    '{"admitted": 0.8, "opened": 0.5, "sent": 26.1, "answered": 180.3, "masked": 1.1, "recorded": 1.4}',
    '203.0.113.61', 412, 'request-' || n, %(now)s - n * %(step)s
FROM generate_series(0, %(count)s - 1) n
"""
_SECRETS = """
INSERT INTO integrations_runsecret (run_id, secret_id, name, version, started_at)
SELECT id, md5('s' || abs(hashtext(id::text)) %% 5 || %(salt)s)::uuid, 'crm.apiKey', 1, started_at
FROM integrations_run WHERE organization_id = %(organization)s
"""


def measure() -> list[dict[str, object]]:
    """Every filter at both lengths: statements, median milliseconds, and the ratio to the shorter list."""
    cases = [case for size in SIZES for case in _cases(max(10 * RARE, int(size * SHARE)))]
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
    run = _fill(owner, size)
    secret, caller = run.secrets.all()[0].secret_id, run.principal_id
    browser = Client(headers={"host": "localhost"})
    sign_in(browser, owner)
    site = f"/o/{owner.organization.slug}"
    pages = {
        "first page": "runs/",
        "outcome failed": "runs/?outcome=failed",
        "outcome refused": "runs/?outcome=refused",
        "outcome succeeded": "runs/?outcome=succeeded",
        "outcome started": "runs/?outcome=started",
        "code": "runs/?code=upstream_timeout",
        "code that no run has": "runs/?code=tool_changed",
        "status 401": "runs/?status=401",
        "status 4xx": "runs/?status=4xx",
        "status 5xx, that no run has": "runs/?status=5xx",
        "environment": "runs/?environment=production",
        "environment without runs": "runs/?environment=development",
        "integration": f"runs/?integration={run.integration_id}",
        "caller": f"runs/?caller={caller}",
        "caller that failed": f"runs/?caller={caller}&outcome=failed",
        "secret": f"runs/?secret={secret}",
        "last 24 hours": "runs/?period=day",
        "text": "runs/?q=patient",
        "text that no run has": "runs/?q=nowhere",
        "run id": f"runs/?q={run.pk}",
        "one run": f"runs/{run.pk}/",
    }
    return [Measured(name, size, lambda path=path: get(browser, f"{site}/{path}")) for name, path in pages.items()]


def _fill(owner: Actor, size: int) -> Run:
    """Add the runs, newest first; return the newest with its secret loaded."""
    values = {
        "organization": owner.organization.pk,
        "salt": str(owner.organization.pk),
        "every": size // RARE,
        "now": timezone.now(),
        "step": EVERY,
        "count": size,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RUNS, values)
        cursor.execute(_SECRETS, values)
    return Run.objects.filter(organization=owner.organization).prefetch_related("secrets").latest("started_at")
