"""Refusals at the door of `/mcp`: JSON-RPC errors with the request's id, whose text says what to do."""

import json

import pytest
from asgiref.sync import async_to_sync

from accounts.access.api_keys import revoke_api_key
from accounts.common.environments import Environment
from accounts.models import ApiKey
from accounts.policy import Scope
from config.agents import errors
from config.asgi import application
from tests.support.api.asgi import call_asgi, served
from tests.support.things import key_for

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

D, S, P = Environment
MESSAGE = {"jsonrpc": "2.0", "id": "a-7", "method": "tools/list"}
ACCEPT = (b"accept", b"application/json, text/event-stream")


def bearer(key):
    return (b"authorization", f"Bearer {key}".encode())


@pytest.fixture
def key(owner):
    return key_for(owner, Scope.RUN, environments=[S])


def ask(*requests):
    """Status, headers and JSON of each request: (headers, body) and what else `call_asgi` takes."""

    async def asked():
        async with served(application):
            return [
                await call_asgi(application, options.pop("method", "POST"), "/mcp", body, headers, **options)
                for headers, body, options in requests
            ]

    return [
        (status, dict(headers), json.loads(answer) if answer else None)
        for status, headers, answer in async_to_sync(asked)()
    ]


def message(**changes):
    return json.dumps({**MESSAGE, **changes}).encode()


def test_each_refusal_is_a_json_rpc_error_that_says_what_to_do(owner, key):
    mine = [bearer(key), ACCEPT]
    wide, reader = key_for(owner, Scope.RUN, environments=[S, P]), key_for(owner, Scope.INTEGRATIONS_READ)
    modern = (b"mcp-protocol-version", b"2026-07-28")
    large = message(params={"cursor": "x" * errors.LARGEST_READ})
    cases = [
        ([ACCEPT], message(), {}, 401, -32600, "unauthenticated", "a-7", "Authorization: Bearer"),
        ([ACCEPT, bearer(key[:-7] + "!" * 7)], message(), {}, 401, -32600, "unauthenticated", "a-7", "valid API key"),
        ([ACCEPT, bearer(reader)], message(), {}, 403, -32600, "permission_denied", "a-7", "with the scope run"),
        ([ACCEPT, bearer(wide)], message(), {}, 403, -32600, "permission_denied", "a-7", "exactly one environment"),
        ([*mine, (b"origin", b"https://evil.example")], message(), {}, 403, -32600, "permission_denied", "a-7", "from"),
        (mine, message(), {"host": b"evil.example"}, 400, -32600, "bad_request", "a-7", "address of Coffer"),
        (mine, message(), {"content_type": b"text/plain"}, 415, -32600, "unsupported_media_type", "a-7", "Content-"),
        ([bearer(key), (b"accept", b"text/html")], message(), {}, 406, -32600, "not_acceptable", "a-7", "Accept:"),
        ([bearer(key), (b"accept", b"a/b"), modern], message(), {}, 406, -32600, "not_acceptable", "a-7", "Accept:"),
        (mine, b"", {}, 400, -32700, "invalid_json", None, "not valid JSON"),
        (mine, b"{", {}, 400, -32700, "invalid_json", None, "not valid JSON"),
        (mine, b"\xff", {}, 400, -32700, "invalid_json", None, "not valid JSON"),
        (mine, b"[" * 100_000, {}, 400, -32700, "invalid_json", None, "not valid JSON"),
        (mine, b'{"id": 1, "id": 2}', {}, 400, -32700, "invalid_json", None, "the same name twice"),
        (mine, b'{"jsonrpc": "2.0", "id": NaN, "method": "ping"}', {}, 400, -32700, "invalid_json", None, "not valid"),
        (mine, b"[]", {}, 400, -32600, "bad_request", None, "one JSON-RPC request"),
        (mine, b'{"jsonrpc": "2.0"}', {}, 400, -32600, "bad_request", None, "one JSON-RPC request"),
        (mine, b'{"jsonrpc": "1.0", "id": 5, "method": "ping"}', {}, 400, -32600, "bad_request", 5, "one JSON-RPC"),
        (mine, b'{"jsonrpc": "2.0", "id": {}, "method": "ping"}', {}, 400, -32600, "bad_request", None, "one JSON"),
        ([*mine, modern], b'{"jsonrpc": "2.0", "method": 1}', {}, 400, -32600, "bad_request", None, "one JSON-RPC"),
        (mine, b"x" * 17_000_000, {}, 413, -32600, "too_large", None, "16 MiB"),
        ([ACCEPT], large, {}, 401, -32600, "unauthenticated", None, "Authorization: Bearer"),
        *((mine, b"", {"method": each}, 405, -32600, "method_not_allowed", None, "POST") for each in ("GET", "DELETE")),
    ]
    answers = ask(*((headers, body, dict(options)) for headers, body, options, *_ in cases))
    for (*_, status, number, code, message_id, said), (got, headers, answer) in zip(cases, answers, strict=True):
        error = answer["error"]
        assert (got, error["code"], error["data"]["code"]) == (status, number, code)
        assert (answer["jsonrpc"], answer["id"], error["data"]["status"]) == ("2.0", message_id, status)
        assert said in error["message"], error["message"]
        assert error["data"]["request_id"]
        assert (headers[b"content-type"], headers[b"cache-control"]) == (b"application/json", b"no-store")
        assert (status == 401) == (b"www-authenticate" in headers)
        assert headers.get(b"allow") == (b"POST" if status == 405 else None)


def test_an_outage_and_a_limit_say_when_to_come_back(key, monkeypatch):
    from accounts.errors import DatabaseUnavailable, RateLimited

    limited = RateLimited("Too many calls.")
    limited.members["retry_after_seconds"] = 7
    for refusal, number, seconds in ((DatabaseUnavailable(), -32603, b"5"), (limited, -32600, b"7")):

        async def refuse(_request, refusal=refusal):
            raise refusal

        monkeypatch.setattr("config.api.agents._caller", refuse)
        ((status, headers, answer),) = ask(([bearer(key), ACCEPT], message(), {}))
        assert (status, headers[b"retry-after"]) == (refusal.status, seconds)
        assert (answer["id"], answer["error"]["code"]) == ("a-7", number)
        assert answer["error"]["data"]["retry_after_seconds"] == int(seconds)


def test_a_wrong_version_gets_the_error_of_the_era(key):
    headers = [bearer(key), ACCEPT, (b"mcp-protocol-version", b"1999-01-01"), (b"mcp-method", b"tools/list")]
    meta = {"io.modelcontextprotocol/protocolVersion": "1999-01-01", "io.modelcontextprotocol/clientCapabilities": {}}
    modern = message(params={"_meta": meta})
    (status, _, answer), (older, _, refusal) = ask((headers, modern, {}), (headers, message(), {}))
    assert (status, answer["id"], answer["error"]["code"]) == (400, "a-7", -32022)
    assert "2026-07-28" in answer["error"]["data"]["supported"]
    assert (older, refusal["id"], refusal["error"]["code"]) == (400, "a-7", -32602)


def test_a_revoked_key_ends_at_the_next_message(owner, key):
    allowed = ([bearer(key), ACCEPT], message(), {})
    assert ask(allowed)[0][0] == 200
    revoke_api_key(actor=owner, key_id=ApiKey.objects.get().id)
    assert ask(allowed)[0][0] == 401


def test_nothing_of_a_message_is_logged(key, caplog):
    secret = "only-in-the-message"
    bodies = [
        message(method=secret),
        message(method="tools/call", params={"name": secret, "arguments": {secret: secret}}),
        message(method="tools/call", params=[secret]),
        json.dumps({"jsonrpc": "2.0", "method": f"notifications/{secret}", "params": {"a": secret}}).encode(),
        json.dumps({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"reason": secret}}).encode(),
        json.dumps({"jsonrpc": secret, "id": 1, "method": secret}).encode(),
        b'{"' + secret.encode(),
    ]
    modern = [(b"mcp-protocol-version", b"2026-07-28"), (b"mcp-method", secret.encode())]
    ask(*(([bearer(key), ACCEPT, *more], body, {}) for body in bodies for more in ([], modern)))
    logged = [record for record in caplog.records if record.levelname != "DEBUG"]
    assert not [record for record in logged if secret in record.getMessage() + str(record.exc_info)]
