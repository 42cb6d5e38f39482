"""Cases of MCP servers as they are: what they answer to the requests of a run."""

import json

import pytest

from accounts.common.environments import Environment
from tests.peers.odd_server import STREAM, TOOLS, error, event, odd_server, result
from tests.peers.upstreams import http
from tests.support.things import make_mcp_server, store_secret

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite, pytest.mark.usefixtures("inline")]

S = Environment.STAGING
HEADERS = [{"name": "X-Api-Key", "value": "{secrets.crm.apiKey}"}]
TEXT = "Content-Type: text/plain"


@pytest.fixture
def call(owner, run):
    """Lists the tools of a server, or calls one where arguments are given."""

    def call(server, params=None, **config):
        operation = ("list_tools",) if params is None else ("call_tool", {"name": "echo", "arguments": params})
        return run(owner, make_mcp_server(owner, server.url, **config), S, *operation)

    return call


def body_of(message, **members):
    return json.dumps({"jsonrpc": "2.0", "id": message["id"], **members}).encode()


def bare(message):
    return {"id": message["id"], "result": {"tools": TOOLS}}


def untyped(message):
    return b"data: " + body_of(message, result={"tools": TOOLS}) + b"\n\n"


def crlf(message, _):
    """As uvicorn and FastMCP write a stream."""
    data = body_of(message, result={"tools": TOOLS})
    return STREAM + b": ping\r\n\r\nevent: message\r\ndata: " + data + b"\r\n\r\n"


def told_first(*before, **after):
    """A stream with messages before the result."""
    events = b"".join(event(message) for message in before)
    return lambda message, _: STREAM + events + event({"id": message["id"], "result": {"tools": TOOLS}, **after})


PROGRESS = {"method": "notifications/progress", "params": {"progressToken": 1, "progress": 1}}
LOG = {"method": "notifications/message", "params": {"level": "info", "data": "working"}}


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param({"notifications/initialized": http(b"Accepted", status="202 Accepted")}, id="M01"),
        pytest.param({"notifications/initialized": http(b"")}, id="M02-200"),
        pytest.param({"notifications/initialized": http(b"", status="204 No Content")}, id="M02-204"),
        pytest.param({"notifications/initialized": http(b"no", status="400 Bad Request")}, id="M02-400"),
        pytest.param({"notifications/initialized": b"\r\n"}, id="M02-closed"),
        pytest.param({"notifications/initialized": STREAM + b"data: {\n\n"}, id="M02-stream"),
        pytest.param({"tools/list": crlf}, id="M04"),
        pytest.param({"tools/list": lambda m, _: result({"id": str(m["id"])}, {"tools": TOOLS})}, id="M06"),
        pytest.param({"tools/list": told_first(LOG)}, id="M07"),
        pytest.param({"tools/list": [http(b"", status="404 Not Found"), told_first()]}, id="M08"),
        pytest.param(
            {"tools/list": [http(b"Bad Request: No valid session ID", status="400 Bad Request"), told_first()]},
            id="M08-400",
        ),
        pytest.param(
            {"tools/list": [lambda *_: error({"id": "x"}, -32600, "400 No", data="Missing session ID"), told_first()]},
            id="M08-400-error",
        ),
        pytest.param({"server/discover": http(b"", status="401 Unauthorized")}, id="M09-401"),
        pytest.param({"server/discover": http(b"", status="403 Forbidden")}, id="M09-403"),
        pytest.param({"server/discover": http(b"", status="404 Not Found")}, id="M09c-404"),
        pytest.param({"server/discover": http(b"missing session", status="400 Bad Request")}, id="M09c-400"),
        pytest.param({"server/discover": http(b"{}", status="422 Unprocessable Content")}, id="M09c-422"),
        pytest.param({"server/discover": http(b"oops", status="500 Internal Server Error")}, id="M09c-500"),
        pytest.param({"server/discover": lambda m, _: error(m, -32601)}, id="M09c-32601"),
        pytest.param({"server/discover": lambda *_: None}, id="M09c-closed"),
        pytest.param({"server/discover": STREAM}, id="M09c-empty-stream"),
        pytest.param({"server/discover": STREAM + b"data: {\n\n"}, id="M09c-broken"),
        pytest.param({"server/discover": http(b"x", headers=("Content-Encoding: br",))}, id="M09c-unreadable"),
        pytest.param({"server/discover": lambda m, _: error({}, -32600)}, id="M09c-without-id"),
        pytest.param({"tools/list": lambda m, _: result(m, {"tools": TOOLS, "nextCursor": ""})}, id="M10b-empty"),
        pytest.param({"tools/list": lambda m, _: result(m, {"tools": TOOLS, "nextCursor": None})}, id="M10b-null"),
        pytest.param({"tools/list": lambda m, _: http(body_of(m, result={"tools": TOOLS}))}, id="M17"),
        pytest.param(
            {"tools/list": lambda m, _: http(body_of(m, result={"tools": TOOLS}), headers=(TEXT,))},
            id="M17-text",
        ),
        pytest.param({"tools/list": told_first(*[PROGRESS] * 300)}, id="M18"),
        pytest.param({"tools/list": told_first(*[LOG, PROGRESS] * 300)}, id="M18-log"),
        pytest.param({"tools/list": lambda m, _: STREAM + b"data: ping\n\n" * 9 + untyped(m)}, id="M18-alive"),
        pytest.param({"tools/list": lambda m, _: http(b": hi\n\n" + untyped(m))}, id="M17-stream"),
        pytest.param({"tools/list": lambda m, _: STREAM + body_of(m, result={"tools": TOOLS})}, id="M17-no-stream"),
        pytest.param({"tools/list": lambda m, _: http(json.dumps(bare(m)).encode())}, id="M17-no-version"),
        pytest.param({"initialize": lambda m, _: result(m, {"protocolVersion": "2024-10-07"})}, id="M33-older"),
        pytest.param({"tools/list": lambda m, _: http(b"[" + body_of(m, result={"tools": TOOLS}) + b"]")}, id="M20"),
        pytest.param({"initialize": lambda m, _: result(m, {"protocolVersion": "2025-03-26"})}, id="M33"),
    ],
)  # fmt: skip
def test_the_tools_are_listed(owner, call, answers):
    store_secret(owner)
    with odd_server(answers) as server:
        answered = call(server, headers=HEADERS)
    assert answered.answer.body == {"tools": TOOLS}


@pytest.mark.parametrize("cursors", [("2", "3"), (2, 3), ("eyJ0", 0)])
def test_m10_the_tools_of_all_pages_are_listed(call, cursors):
    pages = {None: ("a", cursors[0]), cursors[0]: ("b", cursors[1]), cursors[1]: ("c", None)}

    def paged(message, _):
        name, following = pages[message["params"].get("cursor")]
        return result(message, {"tools": [{"name": name}], **({} if following is None else {"nextCursor": following})})

    with odd_server({"tools/list": paged}) as server:
        assert call(server).answer.body == {"tools": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}


@pytest.mark.parametrize("cursors", [["again"], ["a", "b"]])
def test_m10b_a_repeated_cursor_ends_the_list(call, cursors):
    given = iter(cursors * 3)

    def paged(message, _):
        return result(message, {"tools": TOOLS, "nextCursor": next(given)})

    with odd_server({"tools/list": paged}) as server:
        assert call(server).outcome == "succeeded"
    assert server.methods.count("tools/list") == len(cursors) + 1


def test_m12_odd_schemas_do_not_hide_the_tools(owner, call, caller):
    odd = [
        {"name": "numbers", "inputSchema": {"type": "object", "maxProperties": float(10**25), "default": 1e-400}},
        {"name": "null", "inputSchema": None},
        {"name": "empty", "inputSchema": {}},
        {"name": "none"},
        {"name": "required", "inputSchema": {"type": "object", "required": None}},
        {"name": "ref", "inputSchema": {"$ref": "#/$defs/missing"}},
        {"name": "text", "inputSchema": "object"},
        {"name": "undescribed", "description": None},
    ]
    with odd_server({"tools/list": lambda message, _: result(message, {"tools": [*odd, None, {}, 7]})}) as server:
        assert call(server).answer.body == {"tools": odd}
        integration = make_mcp_server(owner, server.url, "Again")
        listed = caller.post(f"/integrations/{integration.id}/tools", {"environment": "staging"})
    assert [tool["name"] for tool in listed["items"]] == [tool["name"] for tool in odd]


@pytest.mark.parametrize("number", ["1E400", "-1E400", "18.00", "1" * 400])
def test_m12_numbers_that_no_float_holds_are_listed(owner, caller, number):
    def listing(message, _):
        schema = f'{{"type": "object", "properties": {{"n": {{"maximum": {number}}}}}}}'
        tools = f'{{"tools": [{{"name": "echo", "inputSchema": {schema}}}]}}'
        return http(b'{"jsonrpc": "2.0", "id": %d, "result": %s}' % (message["id"], tools.encode()))

    with odd_server({"tools/list": listing}) as server:
        integration = make_mcp_server(owner, server.url)
        answered = caller.call("POST", f"/integrations/{integration.id}/tools", {"environment": "staging"})
    assert answered.status_code == 200, answered.content
    assert json.loads(answered.content, parse_constant=pytest.fail)["items"][0]["name"] == "echo"


def refusing(refusal, takes):
    """A server that refuses `initialize` until it is asked for a version that it takes."""

    def initialize(message, _):
        version = message["params"]["protocolVersion"]
        if version in takes:
            return result(message, {"protocolVersion": version})
        return refusal(message, version)

    return initialize


def jsonrpc(said, status="200 OK", **more):
    body = {"code": -32602, "message": said, **more}
    return lambda message, version: http(
        body_of(message, error={**body, "message": said.replace("VERSION", version)}), status=status
    )


def in_text(said):
    return lambda _, version: http(said.replace("VERSION", version).encode(), status="400 Bad Request")


NAMED = {"supported": ["2024-11-05", "2025-06-18"], "requested": "2025-11-25"}


@pytest.mark.parametrize(
    ("refusal", "takes", "asked"),
    [
        pytest.param(jsonrpc("Unsupported protocol version", data=NAMED), "2025-06-18", 2, id="M13-data"),
        pytest.param(jsonrpc("no", "400 Bad Request", data=NAMED), "2025-06-18", 2, id="M13-400-data"),
        pytest.param(jsonrpc("VERSION? Use 2024-11-05, 2025-03-26"), "2025-03-26", 2, id="M13-message"),
        pytest.param(in_text("Not VERSION; supported versions: 2025-03-26"), "2025-03-26", 2, id="M13-text"),
        pytest.param(in_text("Unsupported protocol version: VERSION"), "2025-06-18", 2, id="M13-unnamed"),
        pytest.param(jsonrpc("protocolVersion VERSION is not known"), "2024-11-05", 4, id="M13-to-the-oldest"),
    ],
)
def test_m13_a_version_that_the_refusal_names_is_tried(call, refusal, takes, asked):
    with odd_server({"initialize": refusing(refusal, [takes])}) as server:
        assert call(server).answer.body == {"tools": TOOLS}
    assert server.methods.count("initialize") == asked
    assert server.received[-1].headers["mcp-protocol-version"] == takes


@pytest.mark.parametrize(
    ("refusal", "asked"),
    [
        (jsonrpc("Supported protocol versions: 1999-01-01, 2024-10-07"), 1),
        (jsonrpc("Supported protocol versions: 2025-06-18"), 4),
        (jsonrpc("tired"), 1),
        (jsonrpc("protocol version 2025-06-18", "401 Unauthorized"), 1),
        (jsonrpc("protocol version 2025-06-18", "429 Too Many Requests"), 1),
        (jsonrpc("VERSION: bad protocol version"), 4),
    ],
)
def test_m13_no_other_version_is_guessed(call, refusal, asked):
    with odd_server({"initialize": refusing(refusal, [])}) as server:
        assert call(server).outcome == "upstream_error"
    assert server.methods.count("initialize") == asked


def test_an_error_without_an_id_reaches_the_agent(call):
    unnamed = {"error": {"code": -32700, "message": "cannot parse that"}}
    body = json.dumps({"jsonrpc": "2.0", "id": "server-error", **unnamed}).encode()
    for answer in (
        http(body.replace(b'"server-error"', b"null")),
        http(body, status="400 No"),
        STREAM + event(unnamed),
    ):
        with odd_server({"tools/call": answer}) as server:
            answered = call(server, {}, name=str(server.url))
        assert answered.answer.body == {"error": {"code": -32700, "message": "cannot parse that"}}


def test_m08_a_call_that_failed_is_not_repeated_for_its_words(call):
    failed = {
        "tools/call": lambda message, _: error(message, -32000, "400 Bad Request", data="checkout session expired")
    }
    with odd_server(failed) as server:
        assert call(server, {}).outcome == "upstream_error"
    assert server.methods.count("tools/call") == 1


def test_of_several_errors_that_of_the_request_counts(call):
    def both(message, _):
        unnamed = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "what?"}}
        named = {"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32000, "message": "tired"}}
        return http(json.dumps([unnamed, named]).encode())

    with odd_server({"tools/call": both}) as server:
        assert call(server, {}).answer.body == {"error": {"code": -32000, "message": "tired"}}


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
@pytest.mark.parametrize("discover", [True, False])
def test_a_refused_credential_keeps_the_words_of_the_server(owner, call, status, discover):
    store_secret(owner)

    def refused(message, _):
        said = {"code": -32001, "message": "Plan expired", "data": {"plan": "free"}}
        return http(body_of(message, error=said), status=status)

    method = "initialize" if discover else "tools/list"
    with odd_server({method: refused}) as server:
        answered = call(server, headers=HEADERS)
    told = answered.answer.body["error"]
    assert told.pop("message").startswith("127.0.0.1 refused the credential: it answered with status 40")
    assert told == {"http_status": int(status[:3]), "code": -32001, "data": {"plan": "free"}, "said": "Plan expired"}


def test_numbers_go_through_as_they_are_written(owner, caller):
    numbers = '{"price": 18.00, "id": 12345678901234567890.123, "size": 1E5}'

    def priced(message, _):
        return http(b'{"jsonrpc": "2.0", "id": %d, "result": %s}' % (message["id"], numbers.encode()))

    with odd_server({"tools/call": priced}) as server:
        integration = make_mcp_server(owner, server.url)
        params = f'{{"name": "echo", "arguments": {numbers}}}'
        call = f'{{"environment": "staging", "operation": "call_tool", "params": {params}}}'
        answered = caller.call("POST", f"/integrations/{integration.id}/run", raw=call.encode())
    assert answered.status_code == 200, answered.content
    (sent,) = [each.body for each in server.received if each.method == "tools/call"]
    assert numbers in sent.decode()
    assert numbers in answered.content.decode()
