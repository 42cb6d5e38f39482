"""Approvals and listings at the same moment, on PostgreSQL with real threads."""

import pytest

from accounts.errors import Invalid, NotFound
from accounts.models import AuditEvent
from integrations.editing.integrations import delete_integration
from integrations.models import AgentTool, RemoteTool
from integrations.tools.approvals import approve_tool, withdraw_tool
from tests.support.audit import chain_holds
from tests.support.races import assert_only
from tests.support.things import TOOL, make_mcp_server, show_tools

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def approving(actor, server, tool):
    return lambda: approve_tool(actor=actor, integration_id=server.id, name=tool.name, fingerprint=tool.fingerprint)


def test_two_people_approve_one_tool(owner, admin, together):
    for number in range(20):
        server = make_mcp_server(owner, name=f"Server {number}")
        (tool,) = show_tools(owner, server)
        assert_only(together(*[approving(person, server, tool) for person in (owner, admin, admin)]))
        assert server.remote_tools.get().approved_fingerprint == tool.fingerprint
    assert AuditEvent.objects.filter(event="integration.tool_approved").count() == 20
    assert chain_holds(owner.organization)


def test_approving_while_the_server_shows_something_else(owner, admin, together):
    for number in range(20):
        server = make_mcp_server(owner, name=f"Server {number}")
        (tool,) = show_tools(owner, server)
        others = [TOOL | {"title": "Search"}, TOOL | {"name": "find"}]
        assert_only(
            together(
                approving(owner, server, tool),
                lambda server=server, others=others: show_tools(admin, server, *others),
                lambda server=server: show_tools(owner, server, TOOL),
            ),
            Invalid,
        )
        approved = server.remote_tools.exclude(approved_fingerprint="")
        assert {(row.approved_fingerprint, row.approved_definition == TOOL) for row in approved} <= {
            (tool.fingerprint, True)
        }
        assert AgentTool.objects.filter(remote__integration=server).count() == server.remote_tools.count() == 2


def test_approving_while_withdrawing_and_deleting(owner, admin, together):
    for number in range(20):
        server = make_mcp_server(owner, name=f"Server {number}")
        (tool,) = show_tools(owner, server)
        assert_only(
            together(
                approving(owner, server, tool),
                lambda server=server: withdraw_tool(actor=admin, integration_id=server.id, name="search"),
                lambda server=server: delete_integration(actor=owner, integration_id=server.id),
            ),
            NotFound,
        )
    assert not RemoteTool.objects.exists()
    assert chain_holds(owner.organization)
