"""Requests that are passed through a real server: what arrives at the upstream, what comes back, and who may not."""

import pytest

from integrations.models import Run
from tests.support.api.passing import Echo, connected, play
from tests.support.things import VALUE

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]


def test_a_request_goes_on_with_the_credential_and_comes_back_masked(owner):
    echo = Echo(f"X-Echo: {VALUE}", "Set-Cookie: a=b", "X-Request-Id: req_theirs", "Location: /elsewhere")

    async def story(client):
        async with client.ask("POST", "/v1/things?limit=3", data=b'{"q": 1}') as answer:
            body = await answer.read()
            assert (answer.status, b"X-Key: [redacted]" in body, b'{"q": 1}' in body) == (200, True, True)
            assert (answer.headers["X-Echo"], answer.headers["X-Request-Id"]) == ("[redacted]", "req_theirs")
            assert answer.headers["Location"] == "/elsewhere"
            assert "Set-Cookie" not in answer.headers
            assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
            client.run_id = answer.headers["Coffer-Run-Id"]
        assert VALUE not in body.decode()

    with connected(owner, echo) as (connection, key):
        play(key, story)
    assert echo.target == b"/v1/things?limit=3"
    assert f"X-Key: {VALUE}".encode() in echo.received[0]
    assert b"cof_" not in echo.received[0]
    run = Run.objects.get()
    assert (run.outcome, run.operation, run.status, run.environment) == ("succeeded", "pass_through", 200, "staging")
    assert (run.integration_id, run.sent_bytes, run.answer_bytes) == (connection.id, 8, len(echo.received[0]))
    assert 0 <= run.first_byte_ms <= run.duration_ms
