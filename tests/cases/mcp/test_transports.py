"""Cases of MCP servers as they are: redirects, streams that end early, and servers that never answer."""

import time

import pytest
from asgiref.sync import async_to_sync

from accounts.common.environments import Environment
from accounts.errors import Refusal
from integrations.broker.checking import check
from integrations.egress import configuration
from tests.peers.odd_server import SESSION, STREAM, event, odd_server, result
from tests.peers.oldest_server import ACCEPTED, Oldest
from tests.peers.tls_upstream import Authority
from tests.peers.upstreams import http
from tests.support.things import make_mcp_server, store_secret

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite, pytest.mark.usefixtures("inline")]

S = Environment.STAGING
CONFIG = {
    "headers": [{"name": "X-Api-Key", "value": "{secrets.crm.apiKey}"}],
    "query": [{"name": "tenant", "value": "1"}],
    "timeout_seconds": 10,
}
DONE = {"content": [{"type": "text", "text": "done"}]}


def redirect(status, location):
    return http(b"", status=f"{status} Moved", headers=(f"Location: {location}",))


@pytest.fixture
def call(owner, run):
    """Calls the tool `echo` of a server."""
    store_secret(owner)

    def call(server, **config):
        integration = make_mcp_server(owner, server.url, **CONFIG | config)
        return run(owner, integration, S, "call_tool", {"name": "echo", "arguments": {}})

    return call


@pytest.mark.parametrize(
    ("status", "location"),
    [
        pytest.param(307, "/mcp/", id="M23"),
        pytest.param(308, "/mcp/", id="M23-308"),
        pytest.param(301, "/mcp/", id="M23-301"),
        pytest.param(302, "/mcp/", id="M23-302-for-a-slash"),
        pytest.param(307, "/mcp/?tenant=1", id="M23-with-the-query"),
        pytest.param(307, "mcp/", id="M23-relative"),
        pytest.param(307, "ORIGIN/mcp/", id="M23-whole"),
        pytest.param(307, " ORIGIN/mcp/?tenant=2#x", id="M23-spelled-oddly"),
    ],
)
def test_a_redirect_of_the_origin_is_followed(call, status, location):
    with odd_server() as server:
        origin = server.url.removesuffix("/mcp")
        server.moved["/mcp?tenant=1"] = redirect(status, location.replace("ORIGIN", origin))
        assert call(server).answer.body == DONE
    there = [each for each in server.received if each.target == "/mcp/?tenant=1"]
    assert [each.method for each in there] == [
        "server/discover", "initialize", "notifications/initialized", "tools/call", "DELETE",
    ]  # fmt: skip
    assert {each.target for each in server.received} == {"/mcp?tenant=1", "/mcp/?tenant=1"}
    assert {each.headers["x-api-key"] for each in server.received} == {"correct-horse-battery"}


def test_m23_a_redirect_to_http_behind_a_proxy_stays_on_https(call, tmp_path, monkeypatch):
    authority = Authority.make()
    monkeypatch.setattr(configuration, "ssl_context", authority.trusting)
    with odd_server(tls=authority.serving("localhost", tmp_path)) as server:
        server.url = server.url.replace("127.0.0.1", "localhost")
        server.moved["/mcp?tenant=1"] = redirect(307, server.url.replace("https:", "http:") + "/")
        assert call(server).answer.body == DONE


@pytest.mark.parametrize(
    ("status", "location", "named"),
    [
        (307, "https://mcp.example.com/v2/mcp?key=1", "to https://mcp.example.com/v2/mcp (status 307)"),
        (301, "//mcp.example.com/", "to //mcp.example.com/ (status 301)"),
        (308, "https://user:x@mcp.example.com/", "to https://mcp.example.com/ (status 308)"),
        (302, "/login?next=/mcp", "to /login (status 302)"),
        (303, "/mcp/", "to /mcp/ (status 303)"),
        (307, "/mcp?tenant=1", "to /mcp (status 307)"),
        (307, "https://mcp.example.com/\x1b[31m\xfc", "to https://mcp.example.com/[31m (status 307)"),
    ],
)
def test_m23_another_address_is_named_and_not_called(call, status, location, named):
    with odd_server(moved={"/mcp?tenant=1": http(b"", status=f"{status} Moved").replace(b"\r\n\r\n",
        b"\r\nLocation: " + location.encode("latin-1") + b"\r\n\r\n")}) as server:  # fmt: skip
        answered = call(server)
    assert answered.outcome == "upstream_error"
    assert (
        f"127.0.0.1 answered with a redirect {named}, which is not followed."
        in answered.answer.body["error"]["message"]
    )
    assert {each.target for each in server.received} == {"/mcp?tenant=1"}


def test_m23_the_check_names_the_address_too(owner):
    with odd_server(moved={"/mcp": redirect(307, "https://x.example/mcp?key=1")}) as server:
        (step,) = async_to_sync(check)(owner, make_mcp_server(owner, server.url).id, S)
    assert step.detail == (
        "127.0.0.1 answered with a redirect to https://x.example/mcp (status 307), which is not followed. "
        "Enter the address of the MCP server itself."
    )


def test_m23_a_value_in_a_redirect_is_masked(call):
    with odd_server(moved={"/mcp?tenant=1": redirect(307, "https://x.example/correct-horse-battery")}) as server:
        answered = call(server)
    assert "to https://x.example/[redacted] (" in answered.answer.body["error"]["message"]


def resuming(*rests):
    """A call whose stream ends early, and what the server answers to GET."""
    rests = list(rests)
    asked = {}

    def begin(message, _):
        asked.update(message)
        return STREAM + b"id: ev-1\nretry: 100\ndata:\n\n"

    def rest(*_):
        said = rests.pop(0)
        return said if isinstance(said, bytes) else STREAM + b"".join(part(asked) for part in said)

    return {"tools/call": begin, "GET": rest}


def answer(message):
    return event({"id": message["id"], "result": DONE})


def more(name):
    return lambda _: b"id: " + name + b"\n" + event({"method": "notifications/progress"})


@pytest.mark.parametrize(
    "rests",
    [
        pytest.param([[answer]], id="M30"),
        pytest.param([[more(b"ev-2")], [more(b"ev-3")], [answer]], id="M30-polled"),
        pytest.param([[], [], [answer]], id="M30-empty"),
        pytest.param([STREAM.replace(b"close", b"close\r\nContent-Length: 100"), [answer]], id="M30-broken-off"),
    ],
)
def test_the_rest_of_a_stream_is_asked_for(call, rests):
    with odd_server(resuming(*rests)) as server:
        assert call(server).answer.body == DONE
    gets = [each for each in server.received if each.verb == "GET"]
    assert server.methods.count("tools/call") == 1
    assert gets[0].headers["last-event-id"] == "ev-1"
    assert {each.headers["mcp-session-id"] for each in gets} == {SESSION}
    assert {each.headers["x-api-key"] for each in gets} == {"correct-horse-battery"}
    if len(rests) == 3 and rests[0]:
        assert [each.headers["last-event-id"] for each in gets] == ["ev-1", "ev-2", "ev-3"]


def test_m30_a_call_that_breaks_off_is_resumed_and_not_repeated(call):
    answers = resuming([answer])
    begin = answers["tools/call"]
    answers["tools/call"] = lambda message, sock: begin(message, sock).replace(
        b"close", b"close\r\nContent-Length: 999"
    )
    with odd_server(answers) as server:
        assert call(server).answer.body == DONE
    assert server.methods.count("tools/call") == 1


@pytest.mark.parametrize("status", ["404 Not Found", "405 Method Not Allowed", "400 Bad Request", "500 Error"])
def test_m30_where_get_is_refused_the_call_is_not_repeated(call, status):
    with odd_server(resuming(http(b"no session", status=status))) as server, pytest.raises(Refusal) as refusal:
        call(server)
    assert refusal.value.code == "response_unreadable"
    assert server.methods.count("tools/call") == server.methods.count("GET") == 1


def test_m30_a_stream_without_ids_is_not_asked_for(call):
    with odd_server({"tools/call": STREAM + b"retry: 100\ndata:\n\n"}) as server, pytest.raises(Refusal):
        call(server)
    assert "GET" not in server.methods


def silent(_, sock):
    sock.recv(1)


def test_m09_a_server_that_does_not_answer_the_probe_gets_initialize(call):
    with odd_server({"server/discover": silent}) as server:
        assert call(server, timeout_seconds=2).answer.body == DONE
    assert server.methods[:2] == ["server/discover", "initialize"]


def test_nothing_waits_for_the_answer_to_a_notification(call, monkeypatch):
    monkeypatch.setattr("integrations.kinds.mcp_server.client.NOTIFY_SECONDS", 0.2)
    started = time.monotonic()
    with odd_server({"notifications/initialized": silent}) as server:
        assert call(server).answer.body == DONE
    assert time.monotonic() - started < 5


@pytest.fixture
def oldest(call):
    """Calls the tool of a server of 2024-11-05."""

    def ask(oldest, **config):
        with odd_server(oldest.answers) as server:
            oldest.server = server
            try:
                return call(server, **config)
            finally:
                oldest.said.put(b"")

    return ask


def replying(oldest, then):
    """An answer to POST that puts the reply on the stream first."""
    reply = oldest.answers["tools/call"]

    def posted(message, sock):
        reply(message, sock)
        return then(message, sock)

    return posted


def test_a_reply_on_the_stream_is_not_held_up_by_the_post(oldest):
    server = Oldest()
    server.answers["tools/call"] = replying(server, silent)
    started = time.monotonic()
    assert oldest(server).outcome == "succeeded"
    assert time.monotonic() - started < 5


def test_a_reply_to_the_post_itself_is_taken(oldest):
    server = Oldest()
    server.answers["tools/call"] = lambda message, _: result(message, DONE)
    assert oldest(server).answer.body == DONE


def test_a_stream_that_ends_while_the_post_waits_is_an_error_at_once(oldest):
    server = Oldest()

    def end(_, sock):
        server.said.put(b"")
        sock.recv(1)

    server.answers["tools/call"] = end
    started = time.monotonic()
    with pytest.raises(Refusal) as refusal:
        oldest(server)
    assert (refusal.value.code, time.monotonic() - started < 5) == ("response_unreadable", True)


def test_m16b_an_inner_address_is_refused_and_named(oldest):
    answered = oldest(Oldest("http://backend:8000/messages?session=1"))
    sentence = (
        "127.0.0.1 asks for requests to another origin (http://backend:8000/messages), which Coffer does not send."
    )
    assert answered.answer.body == {"error": {"message": sentence}}


def test_m13_versions_are_tried_over_the_oldest_transport_too(oldest):
    server = Oldest()
    initialize, refused = server.initialize, []

    def only_the_oldest(message, sock):
        if (
            server.server.received[-1].target.startswith("/messages")
            and message["params"]["protocolVersion"] != "2024-11-05"
        ):
            refused.append(message["params"]["protocolVersion"])
            error = {"code": -32602, "message": "Unsupported protocol version, use 2024-11-05"}
            server.said.put(event({"id": message["id"], "error": error}))
            return ACCEPTED
        return initialize(message, sock)

    server.answers["initialize"] = only_the_oldest
    assert oldest(server).outcome == "succeeded"
    assert refused == ["2025-11-25"]


def test_m23_the_stream_of_the_oldest_transport_may_be_elsewhere(oldest):
    server = Oldest()
    stream = server.answers["GET"]

    def moved(message, sock):
        if server.server.received[-1].target == "/mcp?tenant=1":
            return redirect(302, "/sse")
        return stream(message, sock)

    server.answers["GET"] = moved
    assert oldest(server).outcome == "succeeded"
    assert [each.target for each in server.server.received if each.verb == "GET"] == ["/mcp?tenant=1", "/sse?tenant=1"]
