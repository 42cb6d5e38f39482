"""MCP servers that are unreachable, broken, endless or hostile: one clear code each, and a run on record."""

import time

import pytest
from asgiref.sync import async_to_sync

from accounts.common.environments import Environment
from accounts.errors import Invalid, Refusal
from integrations.broker.checking import check
from integrations.editing.integrations import create_integration
from integrations.egress import configuration
from integrations.models import Run
from tests.peers.odd_server import STREAM, error, event, odd_server, result
from tests.peers.tls_upstream import Authority
from tests.peers.upstreams import closed_port, http
from tests.support.things import store_secret

pytestmark = pytest.mark.django_db

S = Environment.STAGING


def make_server(actor, url, **config):
    return create_integration(
        actor=actor,
        kind="mcp_server",
        name="Odd",
        environments=[S],
        only_approved_tools=False,
        config={"url": url, **config},
    )


@pytest.fixture
def refused(owner, run):
    """Lists the tools of a server that cannot be spoken to; the refusal, after looking at the record."""

    def listed(url, **config):
        with pytest.raises(Refusal) as refusal:
            run(owner, make_server(owner, url, **config), S, "list_tools")
        recorded = Run.objects.get()
        assert (recorded.outcome, recorded.error_code) == ("failed", refusal.value.code)
        return refusal.value

    return listed


@pytest.fixture
def failed(owner, run):
    """Lists the tools of a server that answers with an error; its sentence, after looking at the record."""

    def listed(url, **config):
        result = run(owner, make_server(owner, url, **config), S, "list_tools")
        assert (result.outcome, Run.objects.get().outcome) == ("upstream_error", "upstream_error")
        return result.answer.body["error"]

    return listed


def test_a_server_that_is_not_there(refused):
    refusal = refused(f"http://127.0.0.1:{closed_port()}/mcp")
    assert (refusal.code, refusal.detail) == ("upstream_unreachable", "127.0.0.1 could not be reached.")


def test_a_certificate_for_another_name(refused, tmp_path, monkeypatch):
    authority = Authority.make()
    monkeypatch.setattr(configuration, "ssl_context", authority.trusting)
    with odd_server(tls=authority.serving("mcp.example.com", tmp_path)) as server:
        refusal = refused(server.url)
    assert refusal.code == "upstream_tls"
    assert refusal.detail == "127.0.0.1 did not present a certificate that is trusted for this name."
    assert server.received == []


def test_a_secret_that_may_not_go_there(owner, run):
    store_secret(owner, allowed_domains=["mcp.example.com"])
    headers = [{"name": "X-Api-Key", "value": "{secrets.crm.apiKey}"}]
    with odd_server() as server, pytest.raises(Refusal) as refusal:
        run(owner, make_server(owner, server.url, headers=headers), S, "list_tools")
    assert refusal.value.code == "domain_not_allowed"
    assert (server.received, Run.objects.get().outcome) == ([], "refused")


def as_stream(*events):
    return lambda message, sock: sock.sendall(STREAM + b"".join(events))


@pytest.mark.parametrize(
    "answer",
    [
        http(b"<html>hello</html>"),
        http(b"{}"),
        http(b"[1]"),
        http(b'{"jsonrpc": "2.0", "id": NaN}'),
        http(b"[" * 100_000),
        lambda message, _: result({"id": 4711}, {}),
        lambda message, _: result({"id": True}, {}),
        lambda message, _: result(message, [1]),
        lambda message, _: result(message, {"tools": "many"}),
        as_stream(),
        as_stream(b"data: {not json\n\n"),
        as_stream(event({"method": "notifications/message", "params": {}})),
        http(b"\x1f\x8b rubbish", headers=("Content-Encoding: br",)),
    ],
)
def test_an_answer_that_is_not_mcp(refused, answer):
    with odd_server({"tools/list": answer}) as server:
        assert refused(server.url).code == "response_unreadable"


def test_a_server_that_speaks_no_known_version(failed):
    with odd_server({"initialize": lambda message, _: result(message, {"protocolVersion": "1999-01-01"})}) as server:
        assert failed(server.url) == {"message": "127.0.0.1 supports no version of MCP that Coffer knows."}


def test_a_modern_server_that_speaks_no_known_version(failed):
    newer = {"supported": ["2031-01-01"]}
    with odd_server({"server/discover": lambda m, _: error(m, -32022, "400 Bad Request", data=newer)}) as server:
        assert "no version of MCP" in failed(server.url)["message"]
    assert server.methods == ["server/discover"]


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("401 Unauthorized", "127.0.0.1 refused the credential: it answered with status 401."),
        ("403 Forbidden", "127.0.0.1 refused the credential: it answered with status 403."),
        (
            "307 Temporary Redirect",
            "127.0.0.1 answered with a redirect to http://127.0.0.1:1/other (status 307), which",
        ),
        ("404 Not Found", "127.0.0.1 has no MCP server at this path: status 404."),
        ("405 Method Not Allowed", "127.0.0.1 has no MCP server at this path: status 405."),
        ("429 Too Many Requests", "127.0.0.1 answered with status 429."),
        ("503 Service Unavailable", "127.0.0.1 answered with status 503."),
    ],
)
def test_a_status_of_failure(failed, status, sentence):
    headers = ("Location: http://127.0.0.1:1/other", 'WWW-Authenticate: Bearer resource_metadata="http://127.0.0.1:1/"')
    answer = http(b"", status=status, headers=headers)
    with odd_server({"server/discover": answer, "initialize": answer}) as server:
        said = failed(server.url)
    assert said["message"].startswith(sentence)
    assert said["http_status"] == int(status[:3])
    assert set(server.methods) <= {"server/discover", "initialize", "GET"}
    assert {each.target for each in server.received} == {"/mcp"}


def test_an_error_of_the_server_is_passed_on(failed):
    with odd_server({"tools/list": lambda message, _: error(message, -32603, data={"why": "tired"})}) as server:
        said = failed(server.url)
    assert said == {"message": "no", "code": -32603, "data": {"why": "tired"}}


def test_a_check_tells_what_failed_in_words_of_ours(owner, inline):
    with odd_server({"tools/list": lambda message, _: error(message, -32603, data="tired")}) as server:
        steps = async_to_sync(check)(owner, make_server(owner, server.url).id, S)
    assert [(step.name, step.outcome, step.code) for step in steps] == [
        ("connect", "passed", None),
        ("list_tools", "failed", "upstream_error"),
    ]
    assert steps[1].detail == "127.0.0.1 answered with the error -32603."


@pytest.mark.parametrize("code", [None, "x", 10**30, True, 1.5])
def test_an_error_without_a_proper_code(failed, code):
    with odd_server({"tools/list": lambda message, _: error(message, code)}) as server:
        assert failed(server.url) == {"message": "no", "code": None}


def test_a_secret_in_an_error_is_masked(owner, run):
    store_secret(owner)
    headers = [{"name": "X-Api-Key", "value": "{secrets.crm.apiKey}"}]
    with odd_server(
        {"tools/list": lambda message, _: error(message, -1, data="your key correct-horse-battery")}
    ) as server:
        answered = run(owner, make_server(owner, server.url, headers=headers), S, "list_tools")
    assert answered.answer.body["error"]["data"] == "your key [redacted]"
    assert answered.answer.masked == ["crm.apiKey"]


def drip(piece):
    """A stream that never ends and never answers."""

    def respond(_, sock):
        sock.sendall(STREAM)
        while True:
            sock.sendall(piece)
            time.sleep(0.01)

    return respond


def test_an_endless_stream_ends_at_the_time_limit(refused):
    started = time.monotonic()
    with odd_server({"tools/list": drip(b": still here\n\n")}) as server:
        assert refused(server.url, timeout_seconds=1).code == "upstream_timeout"
    assert time.monotonic() - started < 4


def test_a_silent_server_ends_at_the_time_limit(refused):
    with odd_server({"initialize": lambda _, sock: sock.recv(1) and b""}) as server:
        assert refused(server.url, timeout_seconds=1).code == "upstream_timeout"


@pytest.mark.parametrize(
    "answer",
    [
        drip(b": " + b"x" * 65536 + b"\n"),
        drip(event({"method": "notifications/message", "params": {}}) * 100),
        drip(b"x" * 65536),
        lambda message, _: result(message, {"tools": [{"name": "x" * 2_000_000}]}),
        lambda message, _: result(message, {"tools": [{"name": f"tool {n}"} for n in range(1001)]}),
        lambda message, _: result(message, {"tools": [], "nextCursor": str(message["id"])}),
    ],
    ids=["comments", "events", "line", "json", "tools", "pages"],
)
def test_a_giant_answer_is_cut_off(refused, answer):
    with odd_server({"tools/list": answer}) as server:
        assert refused(server.url, timeout_seconds=10).code == "response_too_large"


def test_pages_are_put_together(owner, run):
    def paged(message, _):
        cursor = message["params"].get("cursor")
        return result(message, {"tools": [{"name": cursor or "a"}], **({} if cursor else {"nextCursor": "b"})})

    with odd_server({"tools/list": paged}) as server:
        answered = run(owner, make_server(owner, server.url), S, "list_tools")
    assert answered.answer.body == {"tools": [{"name": "a"}, {"name": "b"}]}


def test_a_stream_that_stays_open_after_its_answer_is_left(owner, run):
    def stay(message, sock):
        sock.sendall(b"\r\n".join([STREAM[:-4], b"", b""]) + b"id: 1\ndata:\n\n")
        sock.sendall(event({"id": message["id"], "result": {"tools": []}}))
        sock.recv(1)

    started = time.monotonic()
    with odd_server({"tools/list": stay}) as server:
        answered = run(owner, make_server(owner, server.url), S, "list_tools")
    assert answered.answer.body == {"tools": []}
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"url": "https://{secrets.x}.example.com"}, "config.url"),
        ({"url": "https://mcp.example.com/{secrets.x}"}, "config.url"),
        ({"url": "https://mcp.example.com/mcp?key=1"}, "config.url"),
        ({"url": "ftp://mcp.example.com"}, "config.url"),
        ({"url": ""}, "config.url"),
        ({"headers": [{"name": "X", "value": "{params.id}"}]}, "config.headers[0].value"),
        ({"query": [{"name": "x", "value": "{params.id}"}]}, "config.query[0].value"),
        ({"headers": [{"name": "Mcp-Session-Id", "value": "x"}]}, "config.headers[0].name"),
        ({"headers": [{"name": "accept", "value": "x"}]}, "config.headers[0].name"),
        ({"headers": [{"name": "Host", "value": "x"}]}, "config.headers[0].name"),
        ({"timeout_seconds": 121}, "config.timeout_seconds"),
        ({"transport": "sse"}, "config.transport"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(owner, config, field):
    with pytest.raises(Invalid) as refusal:
        make_server(owner, **({"url": "https://mcp.example.com/mcp"} | config))
    assert field in [each.field for each in refusal.value.errors]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "params.name"),
        ({"name": ""}, "params.name"),
        ({"name": "echo", "arguments": "x"}, "params.arguments"),
        ({"name": "echo", "url": "x"}, "params.url"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_before_anything_is_sent(owner, run, params, field):
    with odd_server() as server, pytest.raises(Refusal) as refusal:
        run(owner, make_server(owner, server.url), S, "call_tool", params)
    assert (refusal.value.code, refusal.value.errors[0].field) == ("invalid_arguments", field)
    assert server.received == []
