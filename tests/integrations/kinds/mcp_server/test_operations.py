"""The kind `mcp_server` against real peers: the official SDK (2026-07-28) and the reference server (2025-11-25)."""

import pytest
from asgiref.sync import async_to_sync

from accounts.common.environments import Environment
from integrations.broker.checking import check
from integrations.editing.integrations import create_integration
from integrations.errors import ArgumentContainsSecret
from integrations.models import Run
from secrets_app.editing.secrets import create_secret
from secrets_app.plaintext import Plaintext
from tests.peers import mcp
from tests.support.things import VALUE

pytestmark = pytest.mark.django_db

S, P = Environment.STAGING, Environment.PRODUCTION
KEY = VALUE
"""What the server of the fixture `modern` demands."""
BEARER = {"headers": [{"name": "Authorization", "value": "Bearer {secrets.mcp.key}"}]}
IN_QUERY = {"query": [{"name": "api_key", "value": "{secrets.mcp.key}"}]}


def make_server(actor, url, name="CRM tools", **config):
    return create_integration(
        actor=actor,
        kind="mcp_server",
        name=name,
        environments=[S, P],
        only_approved_tools=False,
        config={"url": url, **config},
    )


def store_key(actor, staging=KEY, production="another-horse-battery"):
    values = {S: Plaintext(staging), P: Plaintext(production)}
    return create_secret(actor=actor, name="mcp.key", values=values)


def call(run, actor, server, tool, environment=S, **arguments):
    return run(actor, server, environment, "call_tool", {"name": tool, "arguments": arguments})


def text_of(result):
    return result.answer.body["content"][0]["text"]


@pytest.mark.parametrize("place", [BEARER, IN_QUERY], ids=["header", "query"])
def test_tools_of_a_modern_server_are_listed(owner, run, modern, place):
    store_key(owner)
    result = run(owner, make_server(owner, modern, **place), S, "list_tools")
    assert result.outcome == "succeeded"
    assert result.answer.status is None
    names = [tool["name"] for tool in result.answer.body["tools"]]
    assert names == ["whoami", "search", "ask", "fail", "describe"]  # the badly marked one is left out
    recorded = Run.objects.get()
    assert (recorded.outcome, recorded.operation, recorded.host) == ("succeeded", "list_tools", "127.0.0.1")


@pytest.mark.parametrize("place", [BEARER, IN_QUERY], ids=["header", "query"])
def test_a_modern_server_gets_the_value_and_its_answer_is_masked(owner, run, modern, place):
    store_key(owner)
    result = call(run, owner, make_server(owner, modern, **place), "whoami")
    said = text_of(result)
    assert said.startswith("2026-07-28 ")
    assert "'mcp-protocol-version': '2026-07-28'" in said
    assert "'mcp-method': 'tools/call', 'mcp-name': 'whoami'" in said
    assert "mcp-session-id" not in said
    assert "[redacted]" in said
    assert result.answer.masked == ["mcp.key"]
    assert KEY not in str(result.as_json())


def test_arguments_that_a_modern_server_wants_in_headers_are_sent_there(owner, run, modern):
    store_key(owner)
    result = call(run, owner, make_server(owner, modern, **BEARER), "search", region="Zürich ", name="Ada")
    assert text_of(result) == "found somebody in Zürich "
    assert result.outcome == "succeeded"


def test_a_modern_server_that_asks_for_input_gets_none(owner, run, modern):
    store_key(owner)
    result = call(run, owner, make_server(owner, modern, **BEARER), "ask")
    assert result.outcome == "upstream_error"
    assert "gives servers no input" in result.answer.body["error"]["message"]
    assert "password" not in str(result.answer.body)


def test_an_error_of_a_tool_is_an_error_of_the_upstream(owner, run, modern):
    store_key(owner)
    result = call(run, owner, make_server(owner, modern, **BEARER), "fail")
    assert (result.outcome, text_of(result)) == ("upstream_error", "no such person")
    assert Run.objects.get().outcome == "upstream_error"


def test_the_value_is_that_of_the_environment_and_a_wrong_one_is_told(owner, run, modern):
    store_key(owner)
    result = run(owner, make_server(owner, modern, **BEARER), P, "list_tools")
    assert result.outcome == "upstream_error"
    sentence = "127.0.0.1 refused the credential: it answered with status 401. Check the secrets in its headers"
    error = {"message": f"{sentence} and query parameters.", "http_status": 401, "said": '{"error": "invalid_token"}'}
    assert result.answer.body == {"error": error}
    assert Run.objects.get().outcome == "upstream_error"


def steps_of(actor, server, environment=S):
    return [
        (step.name, step.outcome, step.code, step.detail)
        for step in async_to_sync(check)(actor, server.id, environment)
    ]


def test_the_check_lists_the_tools(owner, inline, modern):
    store_key(owner)
    server = make_server(owner, modern, **BEARER)
    assert steps_of(owner, server) == [
        ("connect", "passed", None, "The server speaks MCP 2026-07-28."),
        ("list_tools", "passed", None, "The server offers 5 tools."),
    ]
    ((name, outcome, code, detail),) = steps_of(owner, server, P)
    assert (name, outcome, code) == ("connect", "failed", "upstream_error")
    assert "refused the credential" in detail
    assert [run.operation for run in Run.objects.all()] == ["check", "check"]


@pytest.fixture(scope="module")
def everything():
    """The reference server of the legacy era; it demands nothing."""
    with mcp.everything() as url:
        yield url


@pytest.mark.node
def test_tools_of_a_legacy_server_are_listed(owner, run, everything):
    store_key(owner)
    result = run(owner, make_server(owner, everything, **BEARER), S, "list_tools")
    assert result.outcome == "succeeded"
    assert "echo" in [tool["name"] for tool in result.answer.body["tools"]]


@pytest.mark.node
def test_a_tool_of_a_legacy_server_is_called_and_never_with_its_key_as_an_argument(owner, run, everything):
    store_key(owner)
    result = call(run, owner, make_server(owner, everything, **BEARER), "echo", message="I heard you.")
    assert text_of(result) == "Echo: I heard you."
    with pytest.raises(ArgumentContainsSecret):
        call(run, owner, make_server(owner, everything, name="Other", **BEARER), "echo", message=f"I heard {KEY}.")


@pytest.mark.node
def test_the_check_of_a_legacy_server(owner, inline, everything):
    steps = steps_of(owner, make_server(owner, everything))
    assert [step[:3] for step in steps] == [("connect", "passed", None), ("list_tools", "passed", None)]
    assert "2025-11-25" in steps[0][3]


@pytest.mark.node
def test_a_server_of_the_oldest_transport(owner, run, inline):
    store_key(owner)
    with mcp.everything("sse") as url:
        server = make_server(owner, url, **IN_QUERY)
        for _ in range(2):  # the second time it is known
            result = call(run, owner, server, "echo", message="I heard you.")
            assert text_of(result) == "Echo: I heard you."
        steps = steps_of(owner, server)
    assert [step[1] for step in steps] == ["passed", "passed"]


@pytest.mark.node
def test_a_legacy_server_that_reports_progress_is_read_to_its_answer(owner, run, everything):
    server = make_server(owner, everything)
    result = call(run, owner, server, "trigger-long-running-operation", duration=1, steps=4)
    assert "completed" in text_of(result)
