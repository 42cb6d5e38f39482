"""Runs whose process ended before they did are closed, by the next start and by housekeeping."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.common.environments import Environment
from config.asgi import application
from integrations.broker import ledger
from integrations.broker.ledger import RunEnd, RunStart, finish_all
from integrations.models import Run, RunOutcome
from tests.support.api.asgi import served
from tests.support.source import ROOT
from tests.support.things import make_action, store_secret

MINUTES = (20, 80, 60 * 24 * 3)
"""How long ago a run began: under way, left by an earlier process, before any start looks."""
PARENT = """
import os, time, signal
from functools import partial
from multiprocessing import get_context
from accounts.common.process import end_with_parent
def child():
    end_with_parent(partial(os.kill, os.getpid(), signal.SIGTERM))
    time.sleep(60)
if __name__ == "__main__":
    process = get_context("spawn").Process(target=child)
    process.start()
    time.sleep(0.5)
    print(process.pid, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def runs(owner):
    """Runs that began so many minutes ago, and one that has ended."""
    store_secret(owner)
    action = make_action(owner)
    started = [RunStart(owner, action, Environment.STAGING, "call") for _ in (*MINUTES, 20)]
    runs = ledger.begin_all(started)
    finish_all([RunEnd(runs[-1], RunOutcome.SUCCEEDED, 7, "", 200)])
    for run, minutes in zip(runs, (*MINUTES, 20), strict=True):
        Run.objects.filter(pk=run.id).update(started_at=timezone.now() - timedelta(minutes=minutes))
    return runs


def states(runs):
    found = {run.pk: f"{run.outcome} {run.error_code}".strip() for run in Run.objects.all()}
    return [found[run.id] for run in runs]


@pytest.mark.django_db
def test_housekeeping_closes_all_that_are_older_than_any_run(runs):
    said = StringIO()
    call_command("housekeeping", stdout=said)
    assert states(runs) == ["started", "failed interrupted", "failed interrupted", "succeeded"]
    assert "Closed interrupted runs: 2." in said.getvalue()
    finish_all([RunEnd(runs[1], RunOutcome.SUCCEEDED, 7, "", 200)])  # it was under way after all
    assert states(runs)[1] == "succeeded"


@pytest.mark.django_db(transaction=True)
async def test_start_closes_what_an_earlier_process_left(runs):
    from accounts.common.database import in_database

    async with served(application):
        assert await in_database(states, runs) == ["started", "failed interrupted", "started", "succeeded"]


def test_child_of_a_killed_parent_ends(tmp_path):
    file = tmp_path / "parent.py"
    file.write_text(PARENT)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, file], stdout=subprocess.PIPE, text=True, env=env) as parent:
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    for _ in range(200):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        if "Z" in _state(child):
            return
        time.sleep(0.05)
    raise AssertionError(child)


def _state(pid):
    return subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
