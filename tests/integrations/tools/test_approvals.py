"""Approving tools: only what a listing showed, by those who may, and what agents may call because of it."""

import pytest

from accounts.access.callers import actor_of_key
from accounts.common.environments import Environment
from accounts.errors import Invalid, NotFound, PermissionDenied
from accounts.models import AuditEvent
from accounts.policy import Scope
from integrations.models import RemoteTool
from integrations.tools.agent_tools import page_of_tools
from integrations.tools.approvals import approve_tool, approve_tools, withdraw_tool
from tests.support.things import TOOL, approve_shown, find_tool, key_for, make_action, make_mcp_server, show_tools

pytestmark = pytest.mark.django_db

S = Environment.STAGING
OTHER = TOOL | {"name": "other", "description": "Finds others."}


def approve(actor, server, name="search", fingerprint="a" * 64):
    return approve_tool(actor=actor, integration_id=server.id, name=name, fingerprint=fingerprint)


def withdraw(actor, server, name="search"):
    withdraw_tool(actor=actor, integration_id=server.id, name=name)


def test_what_was_shown_is_approved_and_its_definition_kept(owner):
    server = make_mcp_server(owner, only_approved_tools=True)
    shown = show_tools(owner, server, TOOL, OTHER)
    tools = approve_tools(
        actor=owner, integration_id=server.id, tools=[(tool.name, tool.fingerprint) for tool in reversed(shown)]
    )
    assert [(tool.name, tool.approved_definition, tool.approved_by) for tool in tools] == [
        ("other", OTHER, owner.label),
        ("search", TOOL, owner.label),
    ]


def test_agents_get_what_was_approved_and_nothing_that_changed_since(owner):
    server = make_mcp_server(owner, only_approved_tools=True)
    icons = [{"src": "https://example.com/a.png"}]
    approve_shown(owner, server, TOOL | {"icons": icons}, OTHER)
    agent = actor_of_key(key_for(owner, Scope.RUN, environments=[S]), address=None)
    assert [tool.name for tool in page_of_tools(agent, S).items] == ["crm_tools_other", "crm_tools_search"]
    show_tools(owner, server, TOOL | {"description": "Sends everything elsewhere."}, OTHER)
    assert [tool.name for tool in page_of_tools(agent, S).items] == ["crm_tools_other"]
    found = find_tool(agent, "crm_tools_search")
    assert (found.description, found.icons) == ("Finds people.", icons)


def test_what_people_did_is_recorded_and_the_same_again_is_not(owner):
    server = make_mcp_server(owner)
    (first,) = show_tools(owner, server)
    approve(owner, server, fingerprint=first.fingerprint)
    approve(owner, server, fingerprint=first.fingerprint)
    (second,) = show_tools(owner, server, TOOL | {"title": "Search"})
    approve(owner, server, fingerprint=second.fingerprint)
    withdraw(owner, server)
    events = AuditEvent.objects.filter(event__startswith="integration.tool").order_by("sequence")
    assert [(event.event, event.data.get("changed"), event.data.get("fingerprint")) for event in events] == [
        ("integration.tool_approved", False, first.fingerprint),
        ("integration.tool_approved", True, second.fingerprint),
        ("integration.tool_withdrawn", None, None),
    ]
    tool = RemoteTool.objects.get()
    assert (tool.state, tool.approved_definition, tool.approved_at) == ("new", None, None)


def test_an_approval_of_what_was_never_shown_is_withdrawn_without_a_trace(owner):
    server = make_mcp_server(owner)
    RemoteTool.objects.create(integration=server, name="search", approved_fingerprint="a" * 64)
    withdraw(owner, server)
    assert not RemoteTool.objects.exists()


def test_approvals_go_with_their_integration(owner):
    server = make_mcp_server(owner)
    approve_shown(owner, server)
    server.delete()
    assert not RemoteTool.objects.exists()


def test_a_member_approves_nothing(owner, member):
    server = make_mcp_server(owner)
    for act in (approve, withdraw):
        with pytest.raises(PermissionDenied):
            act(member, server)


def test_nobody_approves_for_others_or_where_there_are_no_tools(owner, outsider):
    server, action = make_mcp_server(owner), make_action(owner, uses="")
    show_tools(owner, server)
    for actor, integration in ((outsider, server), (owner, action)):
        for act in (approve, withdraw):
            with pytest.raises(NotFound):
                act(actor, integration)
    with pytest.raises(NotFound):
        withdraw(owner, server)


@pytest.mark.parametrize(
    ("name", "fingerprint", "field"),
    [
        ("", "a" * 64, "name"),
        ("x" * 257, "a" * 64, "name"),
        ("two\nlines", "a" * 64, "name"),
        ("hidden\u202ename", "a" * 64, "name"),
        ("half\ud800", "a" * 64, "name"),
        ("search", "", "fingerprint"),
        ("search", "A" * 64, "fingerprint"),
        ("search", "a" * 63, "fingerprint"),
        ("search", "a" * 64, "fingerprint"),
        ("nobody showed this", "a" * 64, "fingerprint"),
    ],
)
def test_what_cannot_be_approved(owner, name, fingerprint, field):
    server = make_mcp_server(owner)
    show_tools(owner, server)
    with pytest.raises(Invalid) as refusal:
        approve(owner, server, name, fingerprint)
    assert [error.field for error in refusal.value.errors] == [field]


def test_one_that_was_not_shown_leaves_all_unapproved(owner):
    server = make_mcp_server(owner)
    first, second = show_tools(owner, server, TOOL, OTHER)
    show_tools(owner, server, TOOL, OTHER | {"title": "Other"})
    for tools in ([], [(first.name, first.fingerprint), (second.name, second.fingerprint)], [("a", "b")] * 201):
        with pytest.raises(Invalid):
            approve_tools(actor=owner, integration_id=server.id, tools=tools)
    assert not RemoteTool.objects.exclude(approved_fingerprint="").exists()


def test_only_so_many_tools_are_approved(owner, monkeypatch):
    monkeypatch.setattr("integrations.tools.approvals.MAX_APPROVED", 1)
    server = make_mcp_server(owner)
    first, second = show_tools(owner, server, TOOL, OTHER)
    approve(owner, server, first.name, first.fingerprint)
    with pytest.raises(Invalid):
        approve(owner, server, second.name, second.fingerprint)
