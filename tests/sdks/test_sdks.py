"""The official SDKs of OpenAI and Anthropic, of PyPI and npm, against a stand-in that streams as theirs does."""

import pytest

from tests.peers.models.said import CREDENTIAL, HARMLESS
from tests.peers.models.server import models
from tests.sdks.programs import PROGRAMS, results_of, trust

pytestmark = [pytest.mark.node, pytest.mark.sqlite]


def raised(results: dict) -> dict:
    return {step: got for step, got in results.items() if isinstance(got, dict) and "raised" in got}


@pytest.fixture
def tls(authority, tmp_path):
    return authority.serving("localhost", tmp_path)


def test_the_stand_in_satisfies_the_sdks(authority, tls, tmp_path):
    trusting = trust(authority, tmp_path)
    with models(tls=tls) as (url, said):
        for program in PROGRAMS:
            results = results_of(program, openai=f"{url}/v1", anthropic=url, key=CREDENTIAL, trusting=trusting)
            assert not raised(results), program
            assert HARMLESS in str(results), program
            refused = results_of(program, openai=f"{url}/v1", anthropic=url, key="sk-wrong", trusting=trusting)
            assert {*raised(refused), "failure"} == set(refused), program
    assert {path for method, path, _ in said.asked if method == "POST"} == {
        "/v1/chat/completions", "/v1/responses", "/v1/files", "/v1/audio/speech", "/v1/audio/transcriptions",
        "/v1/messages",
    }  # fmt: skip
    assert said.ended == ["closed 1000", "closed 4007", "closed 4007"]
