"""Every response has an id: the one that came with the request, if it is harmless, or a new one."""

import json
import re

import pytest

from config.asgi import application
from integrations.exchange.messages import UpstreamResponse
from tests.support.api.asgi import bearer, call_asgi
from tests.support.things import key_for, make_action, store_secret

pytestmark = pytest.mark.django_db(transaction=True)
MADE = re.compile(rb"[0-9a-f]{32}").fullmatch
GIVEN = b"job-7:retry/2@worker.example"


def ids(headers):
    return [value for name, value in headers if name == b"x-request-id"]


async def test_every_response_carries_the_id_of_its_request(caplog):
    requests = [
        ("GET", "/api/v1/secrets", b""),
        ("POST", "/api/v1/secrets/import", b"x" * 2_621_441),
        ("GET", "/api/v1/secrets?q=\xff", b""),
        ("GET", "/api/v1/nothing", b""),
        ("POST", "/mcp", b"{}"),
        ("GET", "/mcp", b""),
        ("GET", "/signin/", b""),
        ("GET", "/nowhere?q=\xff", b""),
        ("GET", "/nowhere", b""),
        ("GET", "/healthz", b""),
    ]
    for method, path, body in requests:
        status, headers, answer = await call_asgi(application, method, path, body, [(b"x-request-id", GIVEN)])
        assert ids(headers) == [GIVEN], path
        if dict(headers)[b"content-type"] == b"application/problem+json":
            assert (json.loads(answer)["request_id"], status >= 400) == (GIVEN.decode(), True), path


async def test_run_of_the_fast_path_carries_it(owner_and_action):
    key, path = owner_and_action
    for given in ([(b"x-request-id", GIVEN)], []):
        status, headers, _ = await call_asgi(
            application, "POST", path, b'{"environment": "staging"}', [*bearer(key), *given]
        )
        assert status == 200
        assert ids(headers) == [GIVEN] if given else MADE(ids(headers)[0])


@pytest.fixture
def owner_and_action(owner, monkeypatch):
    """An API key, and the address of an action whose runs are answered at once."""

    async def answer_at_once(*_, **__):
        return UpstreamResponse(200, b"OK", (), b"{}", readable=True)

    monkeypatch.setattr("integrations.transport.client.send", answer_at_once)
    store_secret(owner)
    return key_for(owner), f"/api/v1/integrations/{make_action(owner).id}/run"


async def test_other_ids_are_replaced():
    odd = [b"", b"short", b"x" * 129, b"with a blank", b"a\r\nSet-Cookie: b=c", b"<script>alert</script>", b"\xff" * 9]
    for given in odd:
        _, headers, _ = await call_asgi(application, "GET", "/healthz", b"", [(b"x-request-id", given)])
        assert MADE(ids(headers)[0]), given
    twice = [(b"x-request-id", GIVEN), (b"x-request-id", GIVEN)]
    assert MADE(ids((await call_asgi(application, "GET", "/healthz", b"", twice))[1])[0])


async def test_fault_of_ours_shows_it(monkeypatch):
    def broken(*_):
        raise RuntimeError

    monkeypatch.setattr("config.sessions.SessionStore.load", broken)
    more = [(b"x-request-id", GIVEN), (b"cookie", b"session=" + b"a" * 43)]
    status, headers, body = await call_asgi(application, "GET", "/", b"", more)
    assert (status, ids(headers), GIVEN in body) == (500, [GIVEN], True)
