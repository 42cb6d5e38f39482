"""The official SDKs of OpenAI and Anthropic, of PyPI and npm, against a stand-in that streams as theirs does."""

import base64
from contextlib import contextmanager

import pytest

from accounts.common.environments import Environment
from integrations.models import Run
from tests.peers.models.said import CREDENTIAL, HARMLESS
from tests.peers.models.server import models
from tests.sdks.programs import PROGRAMS, comparable, results_of, trust
from tests.support.api.processes import serving
from tests.support.things import key_for, make_connection, store_secret

pytestmark = [pytest.mark.node, pytest.mark.sqlite]

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
        certificate = tmp_path / "localhost.pem"
        with serving(tmp_path, certificate=certificate, authority=trusting["SSL_CERT_FILE"]) as (address, log):
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
