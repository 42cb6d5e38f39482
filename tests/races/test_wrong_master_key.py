"""Two hosts on one PostgreSQL, one with another key under the same id: it does not start, the other never notices."""

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

from tests import postgres
from tests.benchmarks.processes import free_port

pytestmark = [pytest.mark.postgres]

ROOT = Path(__file__).resolve().parents[2]
OTHER = base64.b64encode(bytes(range(100, 132))).decode()
SENTENCE = "COFFER_MASTER_KEYS: this process's key test is not the key test that this database is sealed with."
EDIT = """
from accounts.actors import actor_for_member
from accounts.models import Membership, User
from accounts.people.organizations import create_organization
from secrets_app.models import OrganizationKey
from tests.support.databases.stored_values import all_stored_values
from tests.support.things import store_secret
user, _ = User.objects.get_or_create(email="owner@example.com", name="Owner")
if not Membership.objects.exists():
    create_organization(user=user, name="Harbor Clinics")
owner = actor_for_member(Membership.objects.select_related("user", "organization").get())
store_secret(owner, "{name}")
print(all_stored_values()["staging"], OrganizationKey.objects.exclude(state="active").count())
"""


def manage(*arguments, env, check=True):
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, check=check, capture_output=True, text=True)


def edit(name, env, check=True):
    return manage("shell", "--no-imports", "-c", EDIT.replace("{name}", name), env=env, check=check)


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


def test_host_with_a_wrong_key_does_not_start_and_the_other_one_never_notices():
    with postgres.running() as database:
        right = {**os.environ, "DATABASE_URL": database.url, "PYTHONPATH": str(ROOT)}
        wrong = {**right, "COFFER_MASTER_KEYS": f"test:env:{OTHER}"}
        manage("migrate", "--verbosity", "0", env=right)
        assert edit("first.key", right).stdout.split()[-2:] == ["correct-horse-battery", "0"]
        with serving(right) as url:
            assert ready(url)[0] == {"ready": True, "problems": [], "lost_data_keys": 0}
            second = server(free_port(), wrong)
            told = second.communicate(timeout=60)[0]
            assert (second.returncode != 0, SENTENCE in told) == (True, True), told
            for command in (["migrate", "--verbosity", "0"], ["serve"], ["keys", "--repair"]):
                done = manage(*command, env=wrong, check=False)
                assert (done.returncode, SENTENCE in done.stderr) == (1, True), done.stderr
            refused = edit("second.key", wrong, check=False)
            assert (refused.returncode, SENTENCE in refused.stderr) == (1, True)
            time.sleep(0.1)
            state, headers = ready(url)
            assert state == {"ready": True, "problems": [], "lost_data_keys": 0}
            assert "server" not in headers
        assert edit("third.key", right).stdout.split()[-2:] == ["correct-horse-battery", "0"]
