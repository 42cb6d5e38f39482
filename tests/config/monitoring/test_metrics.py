"""`/metrics`: what is counted and timed, together for all processes, and who may see it."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import OperationalError, connection
from django.utils import timezone

from accounts.common import observers
from accounts.common.database import in_database
from accounts.models import ApiKey
from config.asgi import application
from config.models import FinishedJob
from config.monitoring import folder
from config.monitoring.configuration import metrics_token
from integrations.exchange.messages import UpstreamResponse
from tests.support.api.asgi import bearer, call_asgi
from tests.support.source import ROOT
from tests.support.things import key_for, make_action, store_secret

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]
TOKEN = "0123456789abcdef0123456789abcdef"
IN_ANOTHER_PROCESS = """
from config.monitoring import measures
measures.RUNS.labels("api_action", "failed", "cancelled").inc()
measures.IN_PROGRESS.labels("upstream").inc(5)
"""


@pytest.fixture
def measuring(counting, monkeypatch, settings):
    from config.monitoring import measures

    settings.METRICS_TOKEN = TOKEN
    for name in ("RUN_ENDED", "REQUEST_ENDED", "TIMERS"):
        monkeypatch.setattr(observers, name, [])
    for name in ("step", "round_trip"):
        monkeypatch.setattr(observers, name, getattr(observers, name))
    measures.measure()
    measures.time_queries(connection)
    yield
    measures.connection_created.disconnect(measures.time_queries)
    connection.execute_wrappers.clear()


@pytest.fixture
def action(owner, monkeypatch):
    async def answer_at_once(*_, **__):
        return UpstreamResponse(200, b"OK", (), b"{}", readable=True)

    monkeypatch.setattr("integrations.transport.client.send", answer_at_once)
    store_secret(owner)
    return make_action(owner, name="Plum tree")


async def scraped(token=TOKEN):
    """The samples by name and labels, as Prometheus reads them by IP address over plain HTTP."""
    from prometheus_client.parser import text_string_to_metric_families

    status, headers, body = await call_asgi(application, "GET", "/metrics", headers=bearer(token), host=b"10.0.0.7")
    assert (status, dict(headers)[b"content-type"].startswith(b"text/plain; version=0.0.4")) == (200, True)
    families = list(text_string_to_metric_families(body.decode()))
    assert len({family.name for family in families}) == len(families)
    return {(one.name, *sorted(one.labels.items())): one.value for family in families for one in family.samples}


async def test_runs_steps_refusals_and_queries_are_counted(measuring, action, owner):
    key = await in_database(key_for, owner)
    path = f"/api/v1/integrations/{action.id}/run"
    before = await scraped()
    for environment in ("staging", "staging", "production"):
        await call_asgi(application, "POST", path, f'{{"environment": "{environment}"}}'.encode(), bearer(key))
    await call_asgi(application, "GET", "/api/v1/secrets/plum-tree", headers=bearer(key))
    after = await scraped()
    added = {name: value - before.get(name, 0) for name, value in after.items()}

    def of(name, **labels):
        return added[name, *sorted(labels.items())]

    kind = ("kind", "api_action")
    runs = {name[1:]: value for name, value in added.items() if name[0] == "coffer_runs_total" and value}
    assert runs == {
        (("code", ""), kind, ("outcome", "succeeded")): 2,
        (("code", "environment_not_enabled"), kind, ("outcome", "refused")): 1,
    }
    steps = {"run": 3, "admission": 3, "upstream": 2, "masking": 2, "record": 2}
    assert {step: of("coffer_step_seconds_count", step=step) for step in steps} == steps
    assert {step: after["coffer_steps_in_progress", ("step", step)] for step in steps} == dict.fromkeys(steps, 0)
    assert (of("coffer_requests_total", status="2xx"), of("coffer_requests_total", status="4xx")) == (2, 2)
    assert of("coffer_refusals_total", code="not_found") == 1
    assert of("coffer_database_seconds_count") > 0
    words = " ".join(map(str, after))
    assert not any(word in words.lower() for word in ("plum", "harbor", str(action.id), str(owner.organization.pk)))


async def test_processes_of_a_server_count_together(measuring):
    subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS], check=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    after = await scraped()
    assert after["coffer_runs_total", ("code", "cancelled"), ("kind", "api_action"), ("outcome", "failed")] == 1
    assert after.get(("coffer_steps_in_progress", ("step", "upstream")), 0) == 0


def test_folders_of_servers_that_ended_are_deleted(tmp_path, monkeypatch):
    monkeypatch.delenv(folder.VARIABLE, raising=False)
    ended = subprocess.Popen(["true"])
    ended.wait()
    for name in (f"{ended.pid}-7", f"{os.getpid()}-7", "of-somebody-else"):
        (tmp_path / name).mkdir()
    folder.prepare(tmp_path)
    own = os.environ[folder.VARIABLE]
    assert {str(entry) for entry in tmp_path.iterdir()} == {own, str(tmp_path / "of-somebody-else")}
    assert Path(own).name.startswith(f"{os.getpid()}-")


async def test_installation_tells_its_keys_and_its_housekeeping(measuring, owner):

    await in_database(store_secret, owner)
    for _ in range(3):
        await in_database(key_for, owner)
    keys = ApiKey.objects.order_by("created_at")
    first = await keys.afirst()
    await ApiKey.objects.filter(pk=first.pk).aupdate(revoked_at=timezone.now())
    found = await scraped()
    assert (found["coffer_api_keys",], found["coffer_api_keys_suspended",], found["coffer_database_up",]) == (2, 0, 1)
    assert (found["coffer_data_keys",] >= 1, found["coffer_master_keys_in_use",]) == (True, 1)
    assert 0 <= found["coffer_data_key_age_seconds",] < 600
    assert found["coffer_housekeeping_last_success_timestamp_seconds",] == 0
    await in_database(call_command, "housekeeping")
    since = timezone.now() - timedelta(seconds=60)
    assert (await scraped())["coffer_housekeeping_last_success_timestamp_seconds",] > since.timestamp()
    assert await FinishedJob.objects.acount() == 1


async def test_outage_of_the_database_is_a_metric(measuring, monkeypatch):
    from config.monitoring import installation

    def lost():
        fault = OperationalError("unable to open database file")
        fault.__cause__ = ConnectionError()
        fault.__cause__.sqlite_errorcode = 14
        raise fault

    monkeypatch.setattr(installation, "_metrics", lost)
    found = await scraped()
    assert found["coffer_database_up",] == 0
    assert ("coffer_api_keys",) not in found


async def test_only_the_token_opens_the_page(settings):
    settings.METRICS_TOKEN = ""
    assert (await call_asgi(application, "GET", "/metrics", headers=bearer(TOKEN)))[0] == 404
    settings.METRICS_TOKEN = TOKEN
    for headers in ([], bearer("x"), bearer(TOKEN[:-1]), [(b"authorization", b"Basic " + TOKEN.encode())]):
        status, found, body = await call_asgi(application, "GET", "/metrics", headers=headers)
        assert (status, dict(found)[b"www-authenticate"]) == (401, b"Bearer")
        assert b"coffer_" not in body


def test_short_token_is_refused():
    assert metrics_token("") == ""
    with pytest.raises(ImproperlyConfigured, match="COFFER_METRICS_TOKEN is short"):
        metrics_token("secret")


async def test_statements_that_travel_together_are_timed_as_one(measuring):
    assert all(wrapper in observers.TIMERS for wrapper in connection.execute_wrappers)
    # Each look at the metrics makes queries itself.
    counted = [(await scraped())["coffer_database_seconds_count",] for _ in range(3)]
    with observers.round_trip():
        pass
    counted.append((await scraped())["coffer_database_seconds_count",])
    assert counted[3] - counted[2] == counted[2] - counted[1] + 1
