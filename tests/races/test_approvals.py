"""Approvals at the same moment, on PostgreSQL with real threads."""

import pytest

from accounts.errors import NotFound
from accounts.models import AuditEvent
from integrations.editing.integrations import delete_integration
from integrations.models import RemoteTool
from integrations.tools.approvals import approve_tool, withdraw_tool
from tests.support.audit import chain_holds
from tests.support.races import assert_only
from tests.support.things import make_mcp_server

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def approving(actor, server, fingerprint):
    return lambda: approve_tool(actor=actor, integration_id=server.id, name="search", fingerprint=fingerprint * 64)


def test_two_people_approve_one_tool(owner, admin, together):
    for number in range(20):
        server = make_mcp_server(owner, name=f"Server {number}")
        assert_only(
            together(approving(owner, server, "a"), approving(admin, server, "a"), approving(admin, server, "b"))
        )
        assert server.remote_tools.count() == 1
    approvals = AuditEvent.objects.filter(event="integration.tool_approved").count()
    assert 40 <= approvals <= 60  # approving what is approved already writes nothing
    assert chain_holds(owner.organization)


def test_approving_while_withdrawing_and_deleting(owner, admin, together):
    for number in range(20):
        server = make_mcp_server(owner, name=f"Server {number}")
        assert_only(
            together(
                approving(owner, server, "a"),
                lambda server=server: withdraw_tool(actor=admin, integration_id=server.id, name="search"),
                lambda server=server: delete_integration(actor=owner, integration_id=server.id),
            ),
            NotFound,
        )
    assert not RemoteTool.objects.exists()
    assert chain_holds(owner.organization)
