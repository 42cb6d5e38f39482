"""Sessions of the legacy era, the memory of a server's era, and what a server asks of us."""

import logging

import pytest

from accounts.common.environments import Environment
from integrations.editing.integrations import create_integration
from tests.peers.odd_server import SESSION, STREAM, error, event, odd_server, result
from tests.peers.upstreams import http
from tests.support.things import store_secret

pytestmark = pytest.mark.django_db

S = Environment.STAGING
WHOLE = ["server/discover", "initialize", "notifications/initialized", "tools/call", "DELETE"]


def make_server(actor, server, name="Odd", **config):
    headers = [{"name": "X-Api-Key", "value": "{secrets.crm.apiKey}"}]
    config = {"url": server.url, "headers": headers, "query": [{"name": "tenant", "value": "a b"}], **config}
    return create_integration(
        actor=actor, kind="mcp_server", name=name, environments=[S], only_approved_tools=False, config=config
    )


@pytest.fixture
def called(owner, run):
    """Calls the tool `echo` of a server."""
    store_secret(owner)
    made = {}

    def call(server, **arguments):
        integration = made.setdefault(server.url, None) or make_server(owner, server, f"Odd {len(made)}")
        made[server.url] = integration
        return run(owner, integration, S, "call_tool", {"name": "echo", "arguments": arguments})

    return call


def test_a_session_is_opened_repeated_and_ended(called):
    with odd_server() as server:
        assert called(server, said="{secrets.crm.apiKey}").outcome == "succeeded"
    assert server.methods == WHOLE
    _, opened, *inside = server.received
    assert "mcp-session-id" not in opened.headers
    assert {each.headers["mcp-session-id"] for each in inside} == {SESSION}
    assert {each.headers["mcp-protocol-version"] for each in inside} == {"2025-11-25"}
    assert {each.headers["x-api-key"] for each in server.received} == {"correct-horse-battery"}
    assert {each.target for each in server.received} == {"/mcp?tenant=a%20b"}
    assert inside[1].message["params"] == {"name": "echo", "arguments": {"said": "{secrets.crm.apiKey}"}}
    assert opened.message["params"]["capabilities"] == {}


def test_a_session_id_is_masked_and_logged_nowhere(called, caplog):
    caplog.set_level(logging.DEBUG)

    def told(message, _):
        return result(message, {"content": [{"type": "text", "text": f"you are {SESSION}"}]})

    with odd_server({"tools/call": told}) as server:
        answered = called(server)
    assert answered.answer.body["content"][0]["text"] == "you are [redacted]"
    assert answered.answer.masked == []
    assert SESSION not in str(answered.as_json()) + caplog.text


def test_a_server_without_sessions_is_not_asked_to_end_one(called):
    with odd_server({"initialize": lambda message, _: result(message, {"protocolVersion": "2025-03-26"})}) as server:
        assert called(server).outcome == "succeeded"
    assert server.methods == WHOLE[:-1]


def test_a_session_that_the_server_forgot_is_opened_anew_once(called):
    gone = http(b"", status="404 Not Found")
    with odd_server({"tools/call": [gone, gone]}) as server:
        answered = called(server)
    assert answered.outcome == "upstream_error"
    assert answered.answer.body["error"]["http_status"] == 404
    assert server.methods == WHOLE * 2


def test_the_era_is_remembered_and_asked_anew_when_it_no_longer_holds(called):
    with odd_server() as server:
        called(server), called(server)
        assert server.methods == [*WHOLE, *WHOLE[1:]]
        server.received.clear()
        server.answers["initialize"] = error({}, -32022, "400 Bad Request", data={"supported": ["2026-07-28"]})
        server.answers["server/discover"] = lambda message, _: result(message, {"supportedVersions": ["2026-07-28"]})
        assert called(server).outcome == "succeeded"
        assert called(server).outcome == "succeeded"
        assert server.methods == ["initialize", "server/discover", "tools/call", "tools/call"]
        server.received.clear()
        del server.answers["initialize"], server.answers["server/discover"]
        server.answers["tools/call"] = [
            http(b"no session", status="400 Bad Request"),
            lambda message, _: result(message, {}),
        ]
        assert called(server).outcome == "succeeded"
        assert server.methods == ["tools/call", *WHOLE]


def test_a_modern_server_that_refuses_a_call_is_not_called_twice(called):
    discover = {"server/discover": lambda message, _: result(message, {"supportedVersions": ["2026-07-28"]})}
    refuse = {"tools/call": lambda message, _: error(message, -32602, "400 Bad Request")}
    with odd_server(discover | refuse) as server:
        for _ in range(2):
            answered = called(server)
            assert answered.answer.body["error"]["code"] == -32602
    assert server.methods == ["server/discover", "tools/call", "tools/call"]


def test_the_era_is_remembered_for_one_integration_alone(owner, run):
    store_secret(owner)
    with odd_server() as server:
        for name in ("One", "Other"):
            run(owner, make_server(owner, server, name), S, "list_tools")
    assert server.methods.count("server/discover") == 2


@pytest.mark.parametrize(
    ("answer", "modern"),
    [
        (lambda message, _: error(message, -32601, "404 Not Found"), True),
        (lambda message, _: error(message, -32020, "400 Bad Request"), True),
        (lambda message, _: error(message, -32022, "400 Bad Request", data={"supported": ["2026-07-28"]}), True),
        (lambda message, _: error(message, -32022, "400 Bad Request", data={"supported": ["2025-06-18"]}), False),
        (lambda message, _: result(message, {"supportedVersions": ["2025-11-25"]}), False),
        (lambda message, _: error(message, -32601), False),
        (lambda message, _: error(message, -32000, "400 Bad Request"), False),
        (http(b"", status="404 Not Found"), False),
        (http(b"", status="405 Method Not Allowed"), False),
        (http(b"<html>", status="500 Internal Server Error"), False),
        (http(b"hello"), False),
    ],
)
def test_the_era_is_told_by_the_answer_to_discover(called, answer, modern):
    with odd_server({"server/discover": answer}) as server:
        assert called(server).outcome == "succeeded"
    assert server.methods == (["server/discover", "tools/call"] if modern else WHOLE)


def test_what_a_server_asks_meanwhile_is_refused_and_a_ping_answered(called):
    asked = ["sampling/createMessage", "elicitation/create", "roots/list", "ping"]

    def ask(message, sock):
        sock.sendall(STREAM)
        for number, method in enumerate(asked):
            sock.sendall(event({"id": f"s{number}", "method": method, "params": {}}))
        sock.sendall(event({"method": "notifications/progress", "params": {}}))
        while len(server.received) < len(asked) + 4:  # it waits for what it asked for
            pass
        sock.sendall(event({"id": message["id"], "result": {"content": []}}))
        sock.recv(1)  # and leaves the stream open

    with odd_server({"tools/call": ask}) as server:
        assert called(server).outcome == "succeeded"
    answers = {each.message["id"]: each for each in server.received if each.method == "POST"}
    assert [answers[f"s{number}"].message["error"]["code"] for number in range(3)] == [-32601] * 3
    assert answers["s3"].message["result"] == {}
    assert answers["s0"].headers["mcp-session-id"] == SESSION
    assert server.methods[-1] == "DELETE"
