"""Runs whose caller leaves or whose process fails, and tests of an integration."""

import asyncio

import psycopg
import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError

from accounts.common import database
from accounts.common.environments import Environment
from accounts.errors import DatabaseUnavailable
from integrations.broker import broker, ends
from integrations.broker.checking import check
from integrations.broker.preparation import Call
from integrations.models import Run
from integrations.transport import client
from tests.peers.upstreams import answering, http
from tests.support.integrations.actions import action_to
from tests.support.things import make_action

pytestmark = pytest.mark.django_db
S = Environment.STAGING


def cancelled_when(moment, owner, action, monkeypatch):
    """Start a run, cancel it once `moment` has come."""

    async def scenario():
        reached = asyncio.Event()
        task = asyncio.ensure_future(broker.run(owner, Call(action.id, S)))
        moment(reached, monkeypatch)
        await asyncio.wait_for(reached.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async_to_sync(scenario)()


def while_sending(reached, monkeypatch):
    async def never(*args, **kwargs):
        reached.set()
        await asyncio.sleep(30)

    monkeypatch.setattr(client, "send", never)


def while_admitting(reached, monkeypatch):
    at_once = database.begin

    async def slowly(job):
        result = await at_once(job)
        if job.func == ends._ADMISSIONS._answers:
            reached.set()
            await asyncio.sleep(0.05)
        return result

    monkeypatch.setattr(database, "begin", lambda job: asyncio.ensure_future(slowly(job)))


@pytest.mark.parametrize("moment", [while_sending, while_admitting])
def test_run_whose_caller_leaves_gets_its_end(owner, stored, inline, monkeypatch, moment):
    cancelled_when(moment, owner, action_to(owner, "http://127.0.0.1:9"), monkeypatch)
    assert list(Run.objects.values_list("outcome", "error_code")) == [("failed", "cancelled")]


def test_caller_who_leaves_while_refused_is_on_record_as_refused(owner, inline, monkeypatch):
    action = action_to(owner, "http://127.0.0.1:9")

    cancelled_when(while_admitting, owner, action, monkeypatch)
    assert list(Run.objects.values_list("outcome", "error_code")) == [("refused", "secret_missing")]


def test_fault_of_ours_is_on_record_and_shows_no_value(owner, stored, run, monkeypatch):
    async def broken(*args, **kwargs):
        raise RuntimeError("fault")

    monkeypatch.setattr(client, "send", broken)
    with pytest.raises(RuntimeError):
        run(owner, action_to(owner, "http://127.0.0.1:9"), S)
    assert list(Run.objects.values_list("outcome", "error_code")) == [("failed", "internal_error")]


def test_a_stamp_that_fails_costs_nobody_an_answer(owner, stored, run, monkeypatch):
    def broken(*args):
        raise OperationalError

    monkeypatch.setattr("integrations.broker.ledger.stamp_last_used", broken)
    with answering(lambda _, connection: connection.sendall(http(b"{}"))) as base_url:
        result = run(owner, action_to(owner, base_url), S)
    assert result.outcome == "succeeded"
    assert list(Run.objects.values_list("outcome", flat=True)) == ["succeeded"]


def test_run_that_an_outage_breaks_off_names_its_record(owner, stored, run, monkeypatch):
    def gone(*args):
        raise OperationalError from psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr("integrations.broker.ledger.endings", gone)
    reached = answering(lambda _, connection: connection.sendall(http(b"{}")))
    with reached as base_url, pytest.raises(DatabaseUnavailable, match="may have reached the upstream") as told:
        run(owner, action_to(owner, base_url), S)
    assert told.value.members == {"retry_after_seconds": 5, "run_id": str(Run.objects.get(outcome="started").pk)}


def steps_of(owner, action):
    return [(step.outcome, step.code) for step in async_to_sync(check)(owner, action.id, S)]


def test_declared_check_is_made_and_recorded(owner, stored, inline):
    received = []

    def respond(request, connection):
        received.append(request.partition(b"\r\n")[0])
        connection.sendall(http(b"", status="204 No Content" if b"/me" in request else "401 Unauthorized"))

    with answering(respond) as url:
        action = action_to(owner, url, method="POST", check={"method": "HEAD", "path": "/me"})
        assert steps_of(owner, action) == [("passed", None)]
        other = make_action(owner, "Other", uses="", base_url=url, check={"method": "GET", "path": "/"})
        assert steps_of(owner, other) == [("failed", "upstream_error")]
    assert received == [b"HEAD /me HTTP/1.1", b"GET / HTTP/1.1"]
    assert set(Run.objects.values_list("operation", flat=True)) == {"check"}


def test_check_that_is_refused_is_a_failed_step(owner, inline):
    action = action_to(owner, "http://127.0.0.1:9", check={"method": "GET", "path": "/me"})
    assert steps_of(owner, action) == [("failed", "secret_missing")]


def test_integration_without_a_check_is_left_alone(owner, stored, inline):
    assert steps_of(owner, action_to(owner, "http://127.0.0.1:9")) == [("not_checkable", None)]
    assert not Run.objects.exists()
