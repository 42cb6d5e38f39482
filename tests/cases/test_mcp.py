"""Cases of MCP servers as they are."""

import pytest

from accounts.common.environments import Environment
from tests.peers.odd_server import TOOLS, odd_server, result
from tests.peers.upstreams import http
from tests.support.things import make_mcp_server, store_secret

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param({"tools/list": lambda m, _: result({"id": str(m["id"])}, {"tools": TOOLS})}, id="M06"),
        pytest.param({"server/discover": http(b"", status="401 Unauthorized")}, id="M09-401"),
        pytest.param({"server/discover": http(b"", status="403 Forbidden")}, id="M09-403"),
        pytest.param({"tools/list": lambda m, _: result(m, {"tools": TOOLS, "nextCursor": ""})}, id="M10b-empty"),
    ],
)
def test_the_tools_are_listed(owner, run, answers):
    store_secret(owner)
    headers = [{"name": "X-Api-Key", "value": "{secrets.crm.apiKey}"}]
    with odd_server(answers) as server:
        integration = make_mcp_server(owner, server.url, headers=headers)
        answered = run(owner, integration, Environment.STAGING, "list_tools")
    assert answered.answer.body == {"tools": TOOLS}


def test_m10b_a_repeated_cursor_ends_the_list(owner, run):
    def paged(message, _):
        return result(message, {"tools": TOOLS, "nextCursor": "again"})

    with odd_server({"tools/list": paged}) as server:
        integration = make_mcp_server(owner, server.url)
        answered = run(owner, integration, Environment.STAGING, "list_tools")
    assert answered.outcome == "succeeded"
    assert server.methods.count("tools/list") == 2
