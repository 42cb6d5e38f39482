"""Two hosts on one PostgreSQL, one with another key under the same id: it does not start, the other never notices.

The process of the test edits as a third one, with the right key.
"""

import base64
import json
import os
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from secrets_app.models import OrganizationKey
from tests.benchmarks.processes import free_port
from tests.support.databases.copies import own_url
from tests.support.databases.stored_values import all_stored_values
from tests.support.things import store_secret

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parents[2]
OTHER = base64.b64encode(bytes(range(100, 132))).decode()
SENTENCE = "COFFER_MASTER_KEYS: this process's key test is not the key test that this database is sealed with."
EDIT = """
from accounts.actors import actor_for_member
from accounts.models import Membership
from tests.support.things import store_secret
store_secret(actor_for_member(Membership.objects.select_related("user", "organization").get()), "second.key")
"""
REFUSED = [
    ["migrate", "--verbosity", "0"],
    ["serve"],
    ["keys", "--repair"],
    ["shell", "--no-imports", "-c", EDIT],
]
"""What a host with another key may not do; the last is an edit."""


def attempts(env, *commands):
    """Whether each command failed, and what it said."""
    command = [sys.executable, "-m", "tests.support.databases.commands", json.dumps(commands)]
    done = subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def server(port, env):
    options = ["--host", "127.0.0.1", "--port", str(port), "--no-access-log", "--no-server-header"]
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", *options]
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@contextmanager
def serving(env):
    port = free_port()
    process = server(port, env)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate(timeout=20)


def ready(url, seconds=60):
    """What `/readyz` says, and the headers of the answer."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
                document = json.load(answer)
                assert {part["code"] for part in document.pop("parts").values()} == {"ok"}
                assert document.pop("warnings") == []
                return document, {name.lower() for name, _ in answer.getheaders()}
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def kept():
    """A value as the host opens it that never notices, and how many keys are not in use."""
    return all_stored_values()["staging"], OrganizationKey.objects.exclude(state="active").count()


def test_host_with_a_wrong_key_does_not_start_and_the_other_one_never_notices(owner):
    right = {**os.environ, "DATABASE_URL": own_url(), "PYTHONPATH": str(ROOT)}
    wrong = {**right, "COFFER_MASTER_KEYS": f"test:env:{OTHER}", "DJANGO_SETTINGS_MODULE": "config.settings"}
    store_secret(owner, "first.key")
    assert kept() == ("correct-horse-battery", 0)
    with serving(right) as url:
        assert ready(url)[0] == {"ready": True, "problems": [], "lost_data_keys": 0}
        second = server(free_port(), wrong)
        told = second.communicate(timeout=60)[0]
        assert (second.returncode != 0, SENTENCE in told) == (True, True), told
        for failed, said in attempts(wrong, *REFUSED):
            assert (failed, SENTENCE in said) == (True, True), said
        time.sleep(0.1)
        state, headers = ready(url)
        assert state == {"ready": True, "problems": [], "lost_data_keys": 0}
        assert "server" not in headers
    store_secret(owner, "third.key")
    assert kept() == ("correct-horse-battery", 0)
