"""Bodies that do not arrive: the key is checked first, and waiting has an end and a bound."""

import asyncio
import json

import pytest
from asgiref.sync import async_to_sync

from config.http import bodies
from config.http.bodies import WholeBodies
from tests.support.things import key_for

LARGER_THAN_OTHERS = 2_621_441
RUN = "/api/v1/integrations/2b4bd5ec-9d9f-4a8c-9f5e-3f5a7c1f2b11/run"

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(bodies, "ARRIVES_WITHIN", 0.01)
    monkeypatch.setattr(bodies, "READ_WITHIN", 0.05)


async def echo(scope, receive, send):
    """Answers with the body that it was given."""
    message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": message["body"]})


async def call(application, pause, *, path="/api/v1/secrets", key="", address="203.0.113.9"):
    """Status, headers and body of the response to a request whose second half comes after a pause, in seconds."""
    sent, halves, end = [], [b"one ", b"two"], asyncio.get_running_loop().time() + pause

    async def receive():
        if len(halves) == 1:
            await asyncio.sleep(end - asyncio.get_running_loop().time())
        return {"type": "http.request", "body": halves.pop(0), "more_body": bool(halves)}

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {key}".encode())]
    scope = {"type": "http", "path": path, "headers": headers, "client": (address, 5)}
    await application(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(part.get("body", b"") for part in sent)


def test_body_that_comes_late_is_read(owner):
    assert async_to_sync(call)(WholeBodies(echo), 0.03, key=key_for(owner))[::2] == (200, b"one two")
    assert async_to_sync(call)(WholeBodies(echo), 0.03, path="/signin/")[::2] == (200, b"one two")


def test_body_that_is_there_starts_no_timer(owner, monkeypatch):
    def never(*_):
        raise AssertionError

    monkeypatch.setattr(asyncio, "timeout", never)
    assert async_to_sync(declared)(WholeBodies(echo), "/api/v1/secrets", "", 7) == (200, 7)
    with pytest.raises(AssertionError):
        async_to_sync(call)(WholeBodies(echo), 0.03)


def test_without_a_valid_key_nothing_is_waited_for(owner):
    for key in ("", "cof_nonsense", key_for(owner)[:-1] + "!"):
        status, headers, body = async_to_sync(call)(WholeBodies(echo), 60, key=key)
        assert (status, json.loads(body)["code"], headers[b"connection"]) == (401, "unauthenticated", b"close")


def test_body_that_never_ends_is_given_up(owner):
    status, _, body = async_to_sync(call)(WholeBodies(echo), 60, key=key_for(owner))
    assert (status, json.loads(body)["code"]) == (408, "request_timed_out")
    status, headers, body = async_to_sync(call)(WholeBodies(echo), 60, path="/signin/")
    assert (status, headers[b"content-type"]) == (408, b"text/html; charset=utf-8")
    assert b"took too long" in body


def test_one_address_keeps_a_bounded_number_waiting():
    async def many():
        application = WholeBodies(echo)
        calls = [call(application, 60, path="/signin/") for _ in range(bodies.MOST_WAITING + 3)]
        other = call(application, 0.03, path="/signin/", address="203.0.113.10")
        answers = await asyncio.gather(other, *calls)
        again = await call(application, 0.03, path="/signin/")
        return [answer[0] for answer in (*answers, again)]

    assert sorted(async_to_sync(many)()) == [200, 200, *[408] * bodies.MOST_WAITING, *[429] * 3]


async def declared(application, path, key, size=LARGER_THAN_OTHERS):
    """Status and length of the response to a request with one body, whose length is declared."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"a" * size, "more_body": False}

    async def send(message):
        sent.append(message)

    headers = [(b"content-length", str(size).encode()), (b"authorization", f"Bearer {key}".encode())]
    scope = {"type": "http", "path": path, "headers": headers, "client": ("203.0.113.9", 5)}
    await application(scope, receive, send)
    return sent[0]["status"], len(sent[1]["body"])


def large(path, key, size=LARGER_THAN_OTHERS, application=None):
    return async_to_sync(declared)(application or WholeBodies(echo), path, key, size)


def test_run_with_files_may_be_larger_than_other_requests(owner):
    key = key_for(owner)
    assert large(RUN, key) == large("/mcp", key) == large("/mcp/", key) == (200, LARGER_THAN_OTHERS)
    application = WholeBodies(echo)
    for _ in range(bodies.MOST_LARGE + 1):
        assert large(RUN, key, application=application)[0] == 200


def test_nobody_else_may(owner):
    key = key_for(owner)
    assert large(RUN, "cof_nonsense")[0] == 401
    assert large("/api/v1/secrets/import", key)[0] == large(RUN, key, bodies.LARGEST_RUN + 1)[0] == 413


def test_large_calls_at_once_are_bounded_for_all_and_for_one_organization(owner, outsider):
    """The calls under way have read their bodies and wait for their answers."""
    keys = [key_for(owner), key_for(outsider)]

    async def at_once():
        answered = asyncio.Event()

        async def waiting(scope, receive, send):
            await receive()
            await answered.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        application = WholeBodies(waiting)
        calls = [asyncio.ensure_future(declared(application, RUN, key)) for key in (*keys[:1] * 3, *keys[1:] * 3)]
        while sum(call.done() for call in calls) < 2:
            await asyncio.sleep(0.01)
        answered.set()
        return [status for status, _ in await asyncio.gather(*calls)]

    assert async_to_sync(at_once)() == [200, 200, 429, 200, 200, 429]
