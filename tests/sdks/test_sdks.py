"""The official SDKs of OpenAI and Anthropic, of PyPI and npm, against a stand-in that streams as theirs does."""

import base64
from contextlib import ExitStack, contextmanager

import pytest

from accounts.common.environments import Environment
from integrations.models import Run
from tests.peers.models.said import CREDENTIAL, HARMLESS
from tests.peers.models.server import models
from tests.sdks.programs import PROGRAMS, comparable, started, trust
from tests.support.api.processes import serving
from tests.support.things import key_for, make_connection, store_secret

pytestmark = [pytest.mark.node, pytest.mark.sqlite]

SENDS = {
    "OpenAI": ("Authorization", "Bearer {secrets.models.apiKey}"),
    "Anthropic": ("X-Api-Key", "{secrets.models.apiKey}"),
}


def raised(results: dict) -> dict:
    return {step: got for step, got in results.items() if isinstance(got, dict) and "raised" in got}


@pytest.fixture(scope="module")
def certified(authority, tmp_path_factory):
    """A folder with the certificate of `localhost`, the context that serves with it, and how programs trust it."""
    folder = tmp_path_factory.mktemp("certified")
    return folder, authority.serving("localhost", folder), trust(authority, folder)


@pytest.fixture(scope="module")
def stand_in(certified):
    """A stand-in that programs speak to directly: its address, and what it says and was asked."""
    with models(tls=certified[1]) as found:
        yield found


@pytest.fixture(scope="module")
def programs(certified, stand_in):
    """All programs, started once: to load an SDK takes longer than what it does here.

    They keep connections, so they end before the stand-in does.
    """
    with ExitStack() as stack:
        yield [stack.enter_context(started(name, certified[2])) for name in PROGRAMS]


@pytest.fixture(scope="module")
def directly(stand_in):
    """Runs a program against the stand-in; what each step got."""
    url, said = stand_in

    def run(program, *, echoes=False, key=CREDENTIAL):
        said.echoes = echoes
        return program.results(openai=f"{url}/v1", anthropic=url, key=key)

    return run


@pytest.fixture
def through(owner, certified, tmp_path):
    """Runs the programs through Coffer, where both services are connections to one stand-in."""
    store_secret(owner, "models.apiKey", CREDENTIAL)
    key = key_for(owner, environments=[Environment.STAGING])
    folder, _, trusting = certified

    @contextmanager
    def through(upstream):
        for name, (header, value) in SENDS.items():
            config = {"headers": [{"name": header, "value": value}], "pass_through": "everything"}
            base = f"{upstream}/v1" if name == "OpenAI" else upstream
            make_connection(owner, base, name, **config)
        certificate = folder / "localhost.pem"
        with serving(tmp_path, certificate=certificate, authority=trusting["SSL_CERT_FILE"]) as (address, log):
            bases = {"openai": f"{address}/proxy/OpenAI", "anthropic": f"{address}/proxy/Anthropic"}
            yield lambda program: program.results(key=key, **bases)
            assert key not in log() and CREDENTIAL not in log() and "Traceback" not in log(), log()

    return through


def test_the_stand_in_wants_its_credential(directly, programs, stand_in):
    _, said = stand_in
    said.asked.clear()
    for program in programs:
        refused = directly(program, key="sk-wrong")
        assert {*raised(refused), "failure", "arrived"} == set(refused), program.name
    assert said.asked == []


@pytest.mark.django_db(transaction=True)
def test_programs_get_through_coffer_what_they_get_directly_but_never_the_credential(directly, through, programs):
    with models() as (url, said), through(url) as run:
        for program in programs:
            direct, passed = directly(program), run(program)
            assert (raised(direct), raised(passed), HARMLESS in str(passed)) == ({}, {}, True), program.name
            assert comparable(passed) == comparable(direct), program.name
        assert set(Run.objects.values_list("operation", "outcome").distinct()) == {
            ("pass_through", "succeeded"), ("pass_through", "upstream_error"),
        }  # fmt: skip
        said.echoes = True
        said.asked.clear()
        assert len(_found(directly(programs[0], echoes=True))) > 90  # in every spelling that is looked for
        for program in programs:
            assert not _found(run(program)), program.name
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
