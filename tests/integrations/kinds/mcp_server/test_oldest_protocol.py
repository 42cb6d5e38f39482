"""The transport of 2024-11-05: one stream, requests posted beside it, and servers that would lead us elsewhere."""

import logging
import time

import pytest

from accounts.common.environments import Environment
from integrations.models import Run, ToolListing
from tests.peers.odd_server import STREAM, event, odd_server
from tests.peers.oldest_server import ACCEPTED, SESSION, Oldest
from tests.peers.upstreams import http
from tests.support.things import make_mcp_server, store_secret

pytestmark = pytest.mark.django_db

S = Environment.STAGING


@pytest.fixture
def listed(owner, run):
    """Lists the tools of such a server."""
    store_secret(owner)

    def listed(oldest, **config):
        headers = [{"name": "X-Api-Key", "value": "{secrets.crm.apiKey}"}]
        query = [{"name": "tenant", "value": "1"}]
        with odd_server(oldest.answers) as server:
            oldest.server = server
            oldest.endpoint = oldest.endpoint.replace("ORIGIN", server.url.removesuffix("/mcp"))
            integration = make_mcp_server(owner, server.url, headers=headers, query=query, **config)
            try:
                return run(owner, integration, S, "list_tools"), server
            finally:
                oldest.said.put(b"")  # the stream's thread ends

    return listed


@pytest.mark.parametrize(
    "endpoint",
    [
        f"/messages?session={SESSION}",
        f"ORIGIN/messages?session={SESSION}",
        f"messages?session={SESSION}#x",
        f"./messages?tenant=1&session={SESSION}",
    ],
)
def test_tools_are_listed_over_one_stream(listed, endpoint):
    answered, server = listed(Oldest(endpoint))
    assert answered.outcome == "succeeded"
    assert [each.method for each in server.received] == [
        "server/discover",
        "initialize",
        "GET",
        "initialize",
        "notifications/initialized",
        "tools/list",
    ]
    targets = [each.target for each in server.received]
    assert targets == ["/mcp?tenant=1"] * 3 + [f"/messages?session={SESSION}&tenant=1"] * 3
    assert {each.headers["x-api-key"] for each in server.received} == {"correct-horse-battery"}


def test_the_id_in_the_address_is_masked_and_logged_nowhere(listed, caplog):
    caplog.set_level(logging.DEBUG)
    answered, _ = listed(Oldest())
    assert answered.answer.body["tools"][0]["description"] == "You are [redacted]."
    assert SESSION not in str(answered.as_json()) + caplog.text


def test_what_the_server_asks_on_the_stream_is_refused(listed):
    asked = event({"id": "s1", "method": "sampling/createMessage", "params": {}})
    oldest = Oldest()
    reply = oldest.answers["tools/list"]

    def ask_first(message, sock):
        oldest.said.put(asked)
        return reply(message, sock)

    oldest.answers["tools/list"] = ask_first
    answered, server = listed(oldest)
    assert answered.outcome == "succeeded"
    (refusal,) = [each for each in server.received if each.method == "POST"]
    assert (refusal.message["id"], refusal.message["error"]["code"]) == ("s1", -32601)
    assert refusal.target == f"/messages?session={SESSION}&tenant=1"


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.1:1/messages",
        "https://evil.example/messages",
        "//evil.example/messages",
        "ORIGIN.evil.example/messages",
        "ORIGIN@evil.example/messages",
        "javascript:alert(1)",
        "\\\\evil.example",
    ],
)
def test_an_address_elsewhere_is_not_followed(listed, endpoint):
    answered, server = listed(Oldest(endpoint))
    assert answered.outcome == "upstream_error"
    assert "asks for requests to another origin" in answered.answer.body["error"]["message"]
    assert [each.method for each in server.received] == ["server/discover", "initialize", "GET"]
    assert Run.objects.get().outcome == "upstream_error"


def test_a_stream_that_names_no_address_is_left(listed, monkeypatch):
    monkeypatch.setattr("integrations.kinds.mcp_server.streams.ENDPOINT_SECONDS", 0.3)
    oldest = Oldest()
    oldest.answers["GET"] = lambda _, sock: sock.sendall(STREAM) or (sock.recv(1) and b"")
    started = time.monotonic()
    answered, _ = listed(oldest)
    assert answered.answer.body["error"]["http_status"] == 404
    assert time.monotonic() - started < 3


def refusal_of(listed, oldest, **config):
    with pytest.raises(Exception) as refusal:
        listed(oldest, **config)
    assert Run.objects.get().error_code == refusal.value.code
    return refusal.value.code


def test_a_stream_that_ends_before_the_answer(listed):
    oldest = Oldest()
    oldest.answers["tools/list"] = lambda *_: oldest.said.put(b"") or ACCEPTED
    assert refusal_of(listed, oldest) == "response_unreadable"


def test_a_stream_that_never_answers(listed):
    oldest = Oldest()
    oldest.answers["tools/list"] = ACCEPTED
    assert refusal_of(listed, oldest, timeout_seconds=1) == "upstream_timeout"


def test_a_stream_without_end_of_events(listed):
    oldest = Oldest()
    oldest.answers["tools/list"] = lambda *_: oldest.said.put(event({"id": 4711, "result": {}}) * 300) or ACCEPTED
    assert refusal_of(listed, oldest) == "response_too_large"


def test_a_stream_of_something_else(listed):
    oldest = Oldest()
    oldest.answers["tools/list"] = lambda *_: oldest.said.put(b"data: {hello\n\n") or ACCEPTED
    assert refusal_of(listed, oldest) == "response_unreadable"


def test_a_request_that_is_not_taken(listed):
    oldest = Oldest()
    oldest.answers["tools/list"] = http(b"", status="401 Unauthorized")
    answered, _ = listed(oldest)
    assert answered.answer.body["error"]["http_status"] == 401


def test_a_server_that_says_that_its_tools_changed_is_noted(listed):
    oldest = Oldest(f"/messages?session={SESSION}")
    oldest.said.put(event({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}))
    listed(oldest)
    assert ToolListing.objects.get().announced_at
