"""What a listing showed is stored: definitions as they were shown, names for agents, and what went."""

import pytest

from accounts.errors import NotFound, PermissionDenied
from integrations.exchange.offered_tools import fingerprint_of
from integrations.models import RemoteTool, ToolListing, ToolStamp
from tests.support.things import TOOL, approve_shown, make_mcp_server, show_tools

pytestmark = pytest.mark.django_db


def stored(server):
    return {tool.name: tool for tool in RemoteTool.objects.filter(integration=server).select_related("agent_tool")}


def test_what_a_listing_showed_is_stored_and_named(owner):
    server = make_mcp_server(owner)
    show_tools(owner, server, TOOL, TOOL | {"name": "contacts.get"}, TOOL | {"name": "hidden\u202ename"})
    first = stored(server)
    assert {name: (tool.state, tool.agent_tool.name) for name, tool in first.items()} == {
        "search": ("new", "crm_tools_search"),
        "contacts.get": ("new", "crm_tools_contacts_get"),
    }
    assert first["search"].shown_definition == TOOL
    show_tools(owner, server, TOOL | {"title": "Search"})
    assert stored(server)["search"].shown_definition == TOOL | {"title": "Search"}
    assert {name: tool.state for name, tool in stored(server).items()} == {"search": "new", "contacts.get": "gone"}
    show_tools(owner, server, TOOL, TOOL | {"name": "contacts.get"})
    again = stored(server)
    assert again["contacts.get"].state == "new"
    assert {name: tool.agent_tool.name for name, tool in again.items()} == {
        name: tool.agent_tool.name for name, tool in first.items()
    }
    assert ToolListing.objects.get().environment == "staging"


@pytest.mark.sqlite  # PostgreSQL moves a stamp at the commit
def test_a_list_of_the_same_leaves_caches_of_agents_tools_alone(owner):
    server = make_mcp_server(owner)
    show_tools(owner, server)
    before = ToolStamp.objects.get().stamp
    show_tools(owner, server)
    assert ToolStamp.objects.get().stamp == before


def test_what_was_approved_before_definitions_were_kept_gets_its_definition(owner):
    server = make_mcp_server(owner)
    for name in ("search", "changed"):
        RemoteTool.objects.create(integration=server, name=name, approved_fingerprint=fingerprint_of(TOOL))
    show_tools(owner, server, TOOL, TOOL | {"name": "changed"})
    kept = {name: (tool.state, tool.approved_definition) for name, tool in stored(server).items()}
    assert kept == {"search": ("approved", TOOL), "changed": ("changed", None)}


def test_odd_texts_are_stored_as_they_are(owner):
    odd = TOOL | {"description": "a\u0000b\ud800c\n\u202e", "inputSchema": {"type": "object", "maximum": 1e400}}
    server = make_mcp_server(owner)
    (offered,) = show_tools(owner, server, odd)
    assert stored(server)["search"].shown_definition == offered.definition
    assert show_tools(owner, server, odd)[0].fingerprint == stored(server)["search"].shown_fingerprint


def test_tools_that_went_are_forgotten_where_there_are_too_many(owner, monkeypatch):
    monkeypatch.setattr("integrations.tools.shown_tools.MAX_KEPT", 3)
    server = make_mcp_server(owner)
    approve_shown(owner, server, TOOL | {"name": "approved"})
    for name in ("first", "second", "third"):
        show_tools(owner, server, TOOL | {"name": name})
    assert set(stored(server)) == {"approved", "second", "third"}


def test_a_listing_of_others_is_not_stored(owner, member, outsider):
    server = make_mcp_server(owner)
    for actor, refused in ((member, PermissionDenied), (outsider, NotFound)):
        with pytest.raises(refused):
            show_tools(actor, server)
