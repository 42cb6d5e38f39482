"""The official SDKs of OpenAI and Anthropic, of PyPI and npm, against a stand-in that streams as theirs does."""

import base64
import os
import ssl
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection

from accounts.common.environments import Environment
from integrations.models import Run
from tests.benchmarks.processes import free_port
from tests.peers.models.said import CREDENTIAL, HARMLESS
from tests.peers.models.server import models
from tests.sdks.programs import PROGRAMS, comparable, results_of, trust
from tests.support.things import key_for, make_connection, store_secret

pytestmark = [pytest.mark.node, pytest.mark.sqlite]

ROOT = Path(__file__).resolve().parents[2]
SENDS = {
    "OpenAI": ("Authorization", "Bearer {secrets.models.apiKey}"),
    "Anthropic": ("X-Api-Key", "{secrets.models.apiKey}"),
}


def raised(results: dict) -> dict:
    return {step: got for step, got in results.items() if isinstance(got, dict) and "raised" in got}


@pytest.fixture
def tls(authority, tmp_path):
    return authority.serving("localhost", tmp_path)


def test_the_stand_in_wants_its_credential(authority, tls, tmp_path):
    trusting = trust(authority, tmp_path)
    with models(tls=tls) as (url, said):
        for program in ("with_openai.py", "with_anthropic.mjs"):
            refused = results_of(program, openai=f"{url}/v1", anthropic=url, key="sk-wrong", trusting=trusting)
            assert {*raised(refused), "failure", "arrived"} == set(refused), program
    assert said.asked == []


@contextmanager
def serving(folder, trusting):
    """Coffer as a process of its own, over TLS; its address, and a function that gives its log."""
    port, log = free_port(), folder / "log"
    database = f"sqlite:///{connection.settings_dict['NAME']}"
    env = {**os.environ, "DATABASE_URL": database, "COFFER_SITE_URL": f"https://localhost:{port}"}
    tls = ["--ssl-certfile", str(folder / "localhost.pem"), "--ssl-keyfile", str(folder / "localhost.pem")]
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port), *tls]
    with log.open("w") as written:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=written, stderr=written)
    try:
        _wait(f"https://localhost:{port}/healthz", trusting, log)
        yield f"https://localhost:{port}", log.read_text
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(address, trusting, log):
    context = ssl.create_default_context(cafile=trusting["SSL_CERT_FILE"])
    end = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5, context=context):
                return
        except OSError:
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)


@pytest.fixture
def through(owner, authority, tls, tmp_path):
    """Runs the programs through Coffer, where both services are connections to one stand-in."""
    store_secret(owner, "models.apiKey", CREDENTIAL)
    key = key_for(owner, environments=[Environment.STAGING])
    trusting = trust(authority, tmp_path)

    @contextmanager
    def through(upstream):
        for name, (header, value) in SENDS.items():
            config = {"headers": [{"name": header, "value": value}], "pass_through": "everything"}
            base = f"{upstream}/v1" if name == "OpenAI" else upstream
            make_connection(owner, base, name, **config)
        with serving(tmp_path, trusting) as (address, log):
            bases = {"openai": f"{address}/proxy/OpenAI", "anthropic": f"{address}/proxy/Anthropic"}
            yield lambda program: results_of(program, key=key, trusting=trusting, **bases)
            assert key not in log() and CREDENTIAL not in log() and "Traceback" not in log(), log()

    return through


@pytest.fixture
def directly(authority, tls, tmp_path):
    """Runs a program against a stand-in of its own."""
    trusting = trust(authority, tmp_path)

    def run(program, *, echoes=False):
        with models(tls=tls, echoes=echoes) as (url, _):
            return results_of(program, openai=f"{url}/v1", anthropic=url, key=CREDENTIAL, trusting=trusting)

    return run


@pytest.mark.django_db(transaction=True)
def test_programs_get_through_coffer_what_they_get_directly(directly, through):
    with models() as (url, _), through(url) as run:
        for program in PROGRAMS:
            direct, passed = directly(program), run(program)
            assert (raised(direct), raised(passed), HARMLESS in str(passed)) == ({}, {}, True), program
            assert comparable(passed) == comparable(direct), program
    assert set(Run.objects.values_list("operation", "outcome").distinct()) == {
        ("pass_through", "succeeded"), ("pass_through", "upstream_error"),
    }  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_nothing_of_the_credential_comes_back_in_any_place(directly, through):
    with models(echoes=True) as (url, said), through(url) as run:
        assert len(_found(directly("with_openai.py", echoes=True))) > 90  # in every spelling that is looked for
        for program in PROGRAMS:
            assert not _found(run(program)), program
    assert {target for _, target, _ in said.asked} >= {"/v1/chat/completions", "/v1/messages", "response.create"}
    assert "cof_" not in str(said.asked)


def _found(results):
    """The pieces of the credential that came back: as it is, in hexadecimal and in base64."""
    told = str(results)
    return [piece for piece in _pieces() if piece in told]


def _pieces():
    starts = range(len(CREDENTIAL) - 8)
    yield from (CREDENTIAL[start : start + 8] for start in starts)
    yield from (CREDENTIAL[start : start + 8].encode().hex() for start in starts)
    for padding in range(3):
        whole = base64.b64encode(b" " * padding + CREDENTIAL.encode()).decode()[4:-4]
        yield from (whole[start : start + 12] for start in range(len(whole) - 12))
