"""Other master keys are taken over while the process runs, unless they would not do."""

import logging
import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import DatabaseError, connection

from secrets_app.sealing import canaries, held_keys, keyring, rereading
from tests.benchmarks.processes import free_port
from tests.support.databases.stored_values import stored_values
from tests.support.master_keys import NEW_ENTRY, NEW_FIRST, OLD_ENTRY, OLD_FIRST, OTHER
from tests.support.things import VALUE, store_secret

ROOT = Path(__file__).resolve().parents[3]
REFUSED = {
    "broken": (f"{OLD_ENTRY},new:env:c2hvcnQ=", "Master key 2 must be base64"),
    "empty": ("", "There is no master key"),
    "wrong": (f"test:env:{OTHER}", "this process's key test is not the key test"),
    "needed": (NEW_ENTRY, "the master key test is no longer listed, but data keys need it"),
}


@pytest.fixture
def listed(tmp_path, master_keys):
    """A file that lists the master keys, and the setting that names it."""
    path = tmp_path / "master-keys"
    path.touch(mode=0o600)
    path.write_text(OLD_ENTRY)
    master_keys(f"@{path}")
    return path


@pytest.mark.django_db
def test_new_keys_are_taken_over_and_open_what_the_old_ones_sealed(owner, listed, caplog):
    secret = store_secret(owner)
    with caplog.at_level(logging.INFO):
        for text, first in ((OLD_FIRST, "test"), (NEW_FIRST, "new")):
            listed.write_text(text)
            rereading.reread()
            assert (held_keys.current.primary_id, keyring.held_ids()) == (first, {"new", "test"})
    assert "The master keys were read again; held: new (wraps new data keys), test." in caplog.text
    assert next(iter(stored_values(secret).values()))[1] == VALUE
    assert OTHER not in caplog.text


@pytest.mark.django_db
@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED)
def test_keys_that_would_not_do_are_refused_and_the_old_ones_stay(owner, listed, caplog, text, said):
    store_secret(owner)
    before = held_keys.current
    listed.write_text(text)
    rereading.reread()
    assert held_keys.current is before
    assert said in held_keys.not_taken_over
    assert "not taken over; held: test (wraps new data keys)." in caplog.text
    assert said in caplog.text
    listed.write_text(OLD_ENTRY)
    rereading.reread()
    assert held_keys.not_taken_over == ""


def test_keys_that_cannot_be_compared_are_refused(listed, monkeypatch):
    def gone(keys):
        raise DatabaseError

    monkeypatch.setattr(canaries, "mismatches", gone)
    rereading.reread()
    assert "because the database does not answer. Try again later." in held_keys.not_taken_over


@contextmanager
def serving(log):
    """A served Coffer, and the address of its probe."""
    port = free_port()
    env = {**os.environ, "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}", "COFFER_LOG_FORMAT": "text"}
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port), "--no-access-log"]
    with log.open("w") as written:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=written, stderr=written)
    try:
        yield process, f"http://127.0.0.1:{port}/healthz"
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
def test_server_reads_its_keys_again_at_sighup(owner, listed, tmp_path):
    def until(sentence):
        end = time.monotonic() + 60
        while sentence not in log.read_text():
            assert time.monotonic() < end, (sentence, log.read_text())
            time.sleep(0.05)

    store_secret(owner)
    log = tmp_path / "log"
    with serving(log) as (server, address):
        until("The master keys are held: test (wraps new data keys).")
        until("Application startup complete")
        listed.write_text(NEW_FIRST)
        server.send_signal(signal.SIGHUP)
        until("The master keys were read again; held: new (wraps new data keys), test.")
        listed.write_text(REFUSED["wrong"][0])
        server.send_signal(signal.SIGHUP)
        until("not taken over; held: new (wraps new data keys), test.")
        with urllib.request.urlopen(address, timeout=10) as answer:
            assert answer.status == 200
    assert REFUSED["wrong"][1] in log.read_text()
    assert "Traceback" not in log.read_text()
