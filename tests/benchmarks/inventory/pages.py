"""The pages of an organization as it grows: integrations, readiness, hygiene, where used, runs, and the editor.

Every size is an organization of its own in one database. `GROWTH=0.01` makes all of them a hundredth as large.
"""

import os

from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.actors import Actor
from integrations.models import Integration
from secrets_app.models import Secret
from tests.benchmarks.measuring import Measured, get, in_rounds
from tests.benchmarks.records import fill_runs
from tests.benchmarks.seeds import owner_of
from tests.support.sign_in import sign_in
from tests.support.things import key_for

ROUNDS = 3
SHARE = float(os.environ.get("GROWTH", "1"))
SIZES = (100, 10_000)
"""Integrations; there are ten times as many secrets, each with one reference, and a hundred times as many runs."""

_ACTIONS = """
INSERT INTO integrations_integration (id, organization_id, kind, name, description, enabled, environments, config,
    connection_id, auth_connector_id, created_at, updated_at, version)
SELECT gen_random_uuid(), %(organization)s, 'api_action', 'Action ' || n, 'Looks something up', n %% 50 <> 0, 7,
    replace(replace(%(config)s, 'PATH', '/v2/things/' || n), 'NAME', 'group' || n %% 50 || '.key' || n)::jsonb,
    NULL, NULL, now(), now(), 1
FROM generate_series(0, %(count)s - 1) n
"""
_REFERENCES = """
INSERT INTO integrations_secretreference (id, organization_id, integration_id, secret_id, name, slot, needed_in)
SELECT gen_random_uuid(), s.organization_id, i.id, s.id, s.name, 'headers[' || s.n / %(count)s || '].value', 7
FROM (SELECT *, regexp_replace(name, '^.*key', '')::int AS n FROM secrets_app_secret
      WHERE organization_id = %(organization)s) s
JOIN integrations_integration i ON i.organization_id = s.organization_id AND i.name = 'Action ' || s.n %% %(count)s
"""
_SENT = """
INSERT INTO integrations_runsecret (run_id, secret_id, name, version, started_at)
SELECT id, %(secret)s, 'group1.key1', 1, started_at FROM integrations_run
WHERE organization_id = %(organization)s ORDER BY started_at DESC LIMIT %(count)s
"""
CONFIG = (
    '{"base_url": "https://api.example.com", "method": "GET", "path": "PATH", '
    '"headers": [{"name": "Authorization", "value": "Bearer {secrets.NAME}"}]}'
)


def measure() -> list[dict[str, object]]:
    """Every page at every size: statements, bytes, median milliseconds, and the ratio to the smallest size."""
    cases = [case for size in SIZES for case in _cases(max(10, int(size * SHARE)))]
    return [
        {
            "request": case.label,
            "integrations": case.size,
            "secrets": case.size * 10,
            "runs": case.size * 100,
            "queries": case.queries,
            "bytes": case.weight,
            "median_ms": round(case.median_ms, 2),
            "ratio": ratio,
        }
        for case, ratio in in_rounds(cases, ROUNDS)
    ]


def _cases(size: int) -> list[Measured]:
    owner = owner_of(size * 10, references_each=0, label=f"{size} integrations")
    used, action = _fill(owner, size)
    browser = Client(headers={"host": "localhost"})
    sign_in(browser, owner)
    site = f"/o/{owner.organization.slug}"
    api = {"authorization": f"Bearer {key_for(owner)}", "host": "localhost"}
    pages = {
        "integrations": "integrations/",
        "integrations, failing": "integrations/?state=failing",
        "integrations, search": "integrations/?q=something",
        "integrations, search for nothing": "integrations/?q=nowhere",
        "integrations, numbers by state": "integrations/counts/",
        "readiness": "integrations/readiness/",
        "readiness, not ready": "integrations/readiness/?show=blocked",
        "hygiene": "secrets/hygiene/",
        "where used": f"secrets/{used}/",
        "details of a secret": f"secrets/{used}/details/",
        "editor, new": "integrations/new/api_action/",
        "editor": f"integrations/{action}/",
        "suggestions": "secrets/suggestions/?q=group1&host=api.example.com",
        "suggestions, nothing": "secrets/suggestions/?q=nowhere",
        "members": "members/",
        "API keys": "api-keys/",
        "requests": "secrets/requests/",
        "audit log": "audit/",
    }
    lists = ("integrations", "readiness", "runs", "runs?outcome=failed", f"secrets/{used}/references")
    cases = [Measured(name, size, lambda path=path: get(browser, f"{site}/{path}")) for name, path in pages.items()]
    return cases + [
        Measured(f"API: {path.replace(str(used), '…')}", size, lambda path=path: get(browser, f"/api/v1/{path}", api))
        for path in lists
    ]


def _fill(owner: Actor, size: int) -> tuple[object, object]:
    """Add the integrations, references and runs; the ids of a secret in use and of the action that uses it."""
    organization = owner.organization.pk
    values = {"organization": organization, "count": size, "config": CONFIG}
    Integration.objects.of(owner.organization).delete()
    with connection.cursor() as cursor:
        cursor.execute(_ACTIONS, values)
        cursor.execute(_REFERENCES, values)
    fill_runs(owner, size * 100, timezone.now())
    action = Integration.objects.of(owner.organization).get(name="Action 1")
    secret = Secret.objects.of(owner.organization).get(name="group1.key1")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE integrations_run SET integration_id = %s WHERE organization_id = %s AND random() < 0.01",
            [action.pk, organization],
        )
        cursor.execute(_SENT, {"organization": organization, "secret": secret.pk, "count": size})
    return secret.pk, action.pk
