"""`/healthz` and `/readyz`: what they say, and that probes reach them by IP address and plain HTTP."""

import json
import shutil
from collections import namedtuple
from datetime import timedelta

import pytest
from django.core.asgi import get_asgi_application
from django.db import DatabaseError, OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from accounts.common import outages
from config.api.fast_path import FastPath
from config.api.handler import ApiHandler
from config.databases.checks import check_database
from config.http import health
from config.http.requests import ApiOrPages
from config.lifespan import lifespan
from tests.factories import RunFactory
from tests.support.api.asgi import call_asgi

pytestmark = [pytest.mark.django_db]
EACH, SQLITE, POSTGRES = pytest.mark.each_database, pytest.mark.sqlite, pytest.mark.postgres
FREE = namedtuple("FREE", "free")


@pytest.fixture(autouse=True)
def asked_anew(monkeypatch):
    monkeypatch.setattr(health, "KEPT_SECONDS", -1.0)
    monkeypatch.setattr(health, "_last", health._last)  # so that the next test asks anew, too
    monkeypatch.setattr(outages, "_logged", {})


@EACH
def test_each_part_is_ok(client):
    answer = client.get("/readyz")
    names = {"database", "migrations", "keys", {"sqlite": "disk", "postgresql": "clock"}[connection.vendor]}
    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True,
        "problems": [],
        "lost_data_keys": 0,
        "parts": {name: {"code": "ok", "reason": ""} for name in names},
        "warnings": [],
    }


def without_a_migration(monkeypatch):
    MigrationRecorder.Migration.objects.filter(app="secrets_app").delete()


def lost(monkeypatch):
    def gone(*_):
        raise OperationalError("unable to open database file")

    monkeypatch.setattr(connection, "cursor", gone)


def with_another_key(monkeypatch):
    monkeypatch.setattr(health.canaries, "mismatches", lambda: ["a sentence"])


def read_only(monkeypatch):
    monkeypatch.setattr(health.os, "access", lambda *_: False)


def full(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: FREE(1024))


def replica(monkeypatch):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL transaction_read_only = on")


def late(monkeypatch):
    now = timezone.now()
    monkeypatch.setattr(health.timezone, "now", lambda: now + timedelta(seconds=9))


CASES = [
    (lost, "database", "database", "Check that it runs", EACH),
    (without_a_migration, "migrations", "migrations_missing", "secrets_app are not applied. Run manage.py", EACH),
    (with_another_key, "keys", "keys_do_not_match", "Compare COFFER_MASTER_KEYS", EACH),
    (read_only, "disk", "disk_not_writable", "Check their modes", SQLITE),
    (full, "disk", "disk_full", "Make room", SQLITE),
    (replica, "database", "database_read_only", "Set DATABASE_URL to the primary", POSTGRES),
    (late, "clock", "clock_differs", "9 s apart", POSTGRES),
]


@pytest.mark.parametrize(
    ("happen", "part", "code", "reason"), [pytest.param(*case[:4], marks=case[4], id=case[2]) for case in CASES]
)
def test_each_problem_has_a_code_and_says_what_to_do(client, monkeypatch, happen, part, code, reason):
    with monkeypatch.context() as patched:
        happen(patched)
        answer = client.get("/readyz")
    document = answer.json()
    assert (answer.status_code, document["ready"], document["problems"]) == (503, False, [code])
    assert document["parts"][part]["code"] == code
    assert reason in document["parts"][part]["reason"]


def test_lost_connection_is_told_although_the_rest_is_kept(client, monkeypatch):
    monkeypatch.setattr(health, "KEPT_SECONDS", 60.0)
    monkeypatch.setattr(health, "_last", (float("-inf"), health.State({})))
    assert client.get("/readyz").status_code == 200
    with monkeypatch.context() as patched:
        lost(patched)
        assert client.get("/readyz").status_code == 503
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("host", [b"10.0.0.7:8000", b"[fd00::7]", b"evil.example", b"localhost"])
async def test_probes_by_any_host_over_plain_http_and_nothing_else(settings, host, caplog):
    settings.SECURE_SSL_REDIRECT, settings.SITE_URL = True, "https://localhost"
    application = ApiOrPages(api=FastPath(ApiHandler()), pages=get_asgi_application(), lifespan=lifespan)
    caplog.set_level("INFO")
    for path in ("/healthz", "/readyz"):
        status, _, body = await call_asgi(application, "GET", path, host=host, headers=[(b"cookie", b"session=x")])
        assert (status, body == b"ok" or json.loads(body)["ready"]) == (200, True)
    assert caplog.records == []
    for path in ("/healthz/", "//healthz", "/readyz/x", "/HEALTHZ", "/signin/", "/api/v1/secrets"):
        status, headers, _ = await call_asgi(application, "GET", path, host=host)
        assert status in ({301} if host == b"localhost" else {301, 400}), path
        assert dict(headers).get(b"location", b"https:").startswith(b"https:"), path


def test_what_is_wrong_with_a_query_is_an_answer_too(client, monkeypatch):
    def wrong():
        raise DatabaseError

    monkeypatch.setattr(health, "_measured", wrong)
    assert client.get("/readyz").json()["problems"] == ["database"]


@EACH
def test_what_should_be_changed_is_a_warning_and_leaves_it_ready(client, settings, monkeypatch):
    settings.WORKERS = 50
    answer = client.get("/readyz")
    code = {"sqlite": "sqlite_several_workers", "postgresql": "too_few_connections"}[connection.vendor]
    assert (answer.status_code, [warning["code"] for warning in answer.json()["warnings"]]) == (200, [code])
    assert [message.id for message in check_database(databases=["default"])] == [f"coffer.{code}"]
    assert check_database() == []
    settings.WORKERS = 1
    monkeypatch.setattr("config.databases.advice.MANY_RUNS_A_MINUTE", 1)
    RunFactory.create_batch(2, started_at=timezone.now())
    many = ["sqlite_many_writes"] if connection.vendor == "sqlite" else []
    assert [warning["code"] for warning in client.get("/readyz").json()["warnings"]] == many
