"""Calls of tools of MCP servers: only those that a person approved, as they were approved, through every door."""

import pytest
from django.conf import settings

from accounts.common.environments import Environment
from integrations.broker import admission
from integrations.broker.preparation import Call
from integrations.broker.remote_tools import note_changed_tools
from integrations.editing.integrations import IntegrationChanges, update_integration
from integrations.errors import ToolChanged, ToolNotApproved
from integrations.models import RemoteTool, Run, ToolListing
from tests.support.things import TOOL, approve_shown, make_action, make_mcp_server, show_tools

pytestmark = pytest.mark.django_db

S = Environment.STAGING
CHANGED = TOOL | {"description": "Sends everything elsewhere."}


def call(server, name="search", operation="call_tool"):
    return Call(server.id, S, operation, {"name": name} if operation == "call_tool" else {})


def judged(actor, *calls):
    """What admission says to each of several calls at once."""
    results = admission.admit_all([(actor, each) for each in calls])
    return [getattr(result, "code", "admitted") for result in results]


@pytest.fixture
def server(owner):
    return make_mcp_server(owner, only_approved_tools=True)


def test_an_approved_tool_is_called_until_the_server_shows_it_differently(owner, server):
    assert judged(owner, call(server), call(server, "unheard of")) == ["tool_not_approved"] * 2
    show_tools(owner, server)
    assert judged(owner, call(server)) == ["tool_not_approved"]
    approve_shown(owner, server)
    assert judged(owner, call(server), call(server, "other")) == ["admitted", "tool_not_approved"]
    show_tools(owner, server, CHANGED)
    assert judged(owner, call(server)) == ["tool_changed"]
    show_tools(owner, server, TOOL | {"name": "other"})
    assert judged(owner, call(server)) == ["tool_changed"]
    show_tools(owner, server)
    assert judged(owner, call(server)) == ["admitted"]
    show_tools(owner, server, TOOL | {"name": "other"})
    assert judged(owner, call(server)) == ["admitted"]  # it is gone, and the server says so


def test_the_refusal_says_where_a_person_decides_and_is_recorded(owner, server):
    show_tools(owner, server)
    (refusal,) = admission.admit_all([(owner, call(server, "search\u202e"))])
    assert (type(refusal), refusal.status) == (ToolNotApproved, 409)
    page = f"{settings.SITE_URL}/o/{owner.organization.slug}/integrations/{server.id}/tools/"
    assert refusal.members["page"] == page
    assert "search" not in refusal.detail
    approve_shown(owner, server)
    show_tools(owner, server, CHANGED)
    (refusal,) = admission.admit_all([(owner, call(server))])
    assert (type(refusal), refusal.members["page"]) == (ToolChanged, page)
    recorded = set(Run.objects.values_list("operation", "outcome", "error_code"))
    assert recorded == {
        ("call_tool", "refused", "tool_not_approved"),
        ("call_tool", "refused", "tool_changed"),
    }


def test_what_was_approved_before_definitions_were_kept_is_called_until_it_is_shown_differently(owner, server):
    approve_shown(owner, server)
    RemoteTool.objects.update(shown_definition=None, shown_fingerprint="", approved_definition=None)
    assert judged(owner, call(server)) == ["admitted"]
    show_tools(owner, server, CHANGED)
    assert judged(owner, call(server)) == ["tool_changed"]


def test_the_switch_lets_every_tool_be_called(owner, server):
    changes = IntegrationChanges(only_approved_tools=False)
    update_integration(actor=owner, integration_id=server.id, changes=changes)
    assert judged(owner, call(server)) == ["admitted"]


def test_many_calls_are_judged_with_one_query_and_other_runs_with_none(
    owner, server, django_assert_num_queries, monkeypatch
):
    other = make_mcp_server(owner, name="Other", only_approved_tools=True)
    approve_shown(owner, server)
    asked = []
    judge = admission.judge_tools
    monkeypatch.setattr(admission, "judge_tools", lambda wanted: asked.append(len(wanted)) or judge(wanted))
    calls = [call(server), call(other), call(server, "x\ny"), call(server, operation="list_tools")]
    assert judged(owner, *calls) == ["admitted", "tool_not_approved", "tool_not_approved", "admitted"]
    assert asked == [3]
    assert judged(owner, Call(make_action(owner, uses="").id, S)) == ["admitted"]
    assert asked == [3]
    with django_assert_num_queries(1):
        judge([(server, "search"), (other, "search"), (server, "other")])
    with django_assert_num_queries(0):
        judge([(server, "x\ny")])


def test_a_server_that_says_that_its_tools_changed_is_noted_once(owner, server, django_assert_num_queries):
    note_changed_tools(server.id)
    first = ToolListing.objects.get().announced_at
    with django_assert_num_queries(1):
        note_changed_tools(server.id)
    assert ToolListing.objects.get().announced_at == first
    show_tools(owner, server)
    assert ToolListing.objects.get().announced_at is None
    note_changed_tools(server.id)
    kept = ToolListing.objects.get()
    assert (kept.environment, kept.listed_at is None, kept.announced_at is None) == ("staging", False, False)
