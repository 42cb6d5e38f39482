"""A server on FastMCP behind the redirect that Starlette makes of a missing slash, in each protocol that it speaks."""

import pytest
from asgiref.sync import async_to_sync

from accounts.common.environments import Environment
from integrations.broker.checking import check
from tests.peers import mcp
from tests.support.things import make_mcp_server

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

S = Environment.STAGING
VERSIONS = {"/mcp": "2026-07-28", "/old": "2025-11-25", "/streams": "2025-11-25"}
EVERY = pytest.mark.parametrize("path", [*VERSIONS, "/mcp/", "/old/", "/streams/"])


@pytest.fixture(scope="module")
def origin():
    with mcp.fastmcp() as url:
        yield url


@pytest.fixture
def call(owner, run, origin):
    def call(path, tool, **arguments):
        server = make_mcp_server(owner, origin + path, timeout_seconds=10)
        result = run(owner, server, S, "call_tool", {"name": tool, "arguments": arguments})
        assert result.outcome == "succeeded", result.answer.body
        return result.answer.body["content"][0]["text"]

    return call


@EVERY
def test_its_tools_are_listed(owner, inline, origin, path):
    steps = async_to_sync(check)(owner, make_mcp_server(owner, origin + path, timeout_seconds=10).id, S)
    version = VERSIONS[path.rstrip("/")]
    assert [step.detail for step in steps] == [f"The server speaks MCP {version}.", "The server offers 3 tools."]


@EVERY
def test_a_tool_is_called(call, path):
    assert call(path, "price", amount=18.5) == "18.50"


@pytest.mark.parametrize("path", ["/old", "/streams"])
def test_a_tool_may_tell_how_far_it_is_as_often_as_it_likes(call, path):
    assert call(path, "talk", times=300) == "said it all"


def test_a_call_whose_stream_the_server_closes_is_resumed(call):
    assert call("/old", "come_back") == "welcome back"
