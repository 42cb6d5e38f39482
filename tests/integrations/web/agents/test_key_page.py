"""The page of an API key: where it was last used, the tools that it sees, its sessions; and stopping an agent."""

import pytest
from asgiref.sync import async_to_sync

from accounts.access.agent_sessions import start_session
from accounts.access.callers import actor_of_key
from accounts.access.last_use import record_client
from accounts.common.environments import Environment
from accounts.models import ApiKey, AuditEvent
from accounts.policy import Scope
from integrations.tools import seen_tools
from tests.support.things import key_for, make_action
from tests.support.web.api_key_forms import LIST, make, page_of, revoke_path

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline")]
S = Environment.STAGING


@pytest.fixture
def agent(owner):
    """The actor of a key for calls in Staging."""
    text = key_for(owner, Scope.RUN, environments=[S])
    return actor_of_key(text, address="203.0.113.40", user_agent="node")


def path_of(key, rest=""):
    return f"{LIST}{key.id}/{rest}"


def test_list_and_page_tell_where_and_by_what_a_key_was_used(as_owner, agent):
    assert 'node · <span class="mono">203.0.113.40' in page_of(as_owner)
    async_to_sync(record_client)(agent, "<b>claude-code</b>")
    for page in (page_of(as_owner), page_of(as_owner, path_of(agent))):
        assert '&lt;b&gt;claude-code&lt;/b&gt; · <span class="mono">203.0.113.40' in page


def test_page_lists_the_tools_of_the_key_page_by_page(as_owner, owner, agent, monkeypatch):
    monkeypatch.setattr(seen_tools.tools_of_key, "__kwdefaults__", {"cursor": "", "limit": 1})
    for name in ("Look up patient", "Update contact"):
        make_action(owner, name, uses="")
    make_action(owner, "Elsewhere", uses="", environments=[Environment.PRODUCTION])
    first = as_owner.get(path_of(agent))
    second = as_owner.get(first.context["next_url"])
    assert [response.context["tools"].items[0].name for response in (first, second)] == [
        "look_up_patient",
        "update_contact",
    ]
    assert second.context["next_url"] == ""
    assert as_owner.get(path_of(agent), {"cursor": "x"}).status_code == 422


def test_page_says_why_a_tool_is_not_ready(as_owner, owner, agent):
    make_action(owner, uses="crm.missing")
    page = page_of(as_owner, path_of(agent))
    assert "Not ready" in page
    assert "crm.missing" in page


def test_key_for_several_environments_shows_one_at_a_time(as_owner, owner):
    key = make(owner, environments=[S, Environment.PRODUCTION])
    assert as_owner.get(path_of(key)).context["environment"] is Environment.PRODUCTION
    assert as_owner.get(path_of(key), {"environment": "staging"}).context["environment"] is S
    assert "exactly one environment" in page_of(as_owner, path_of(key))


def test_key_without_the_scope_of_calls_sees_no_tools(as_owner, owner):
    make_action(owner, uses="")
    assert "it may not make calls" in page_of(as_owner, path_of(make(owner, scopes=[Scope.AUDIT_READ])))


def test_list_counts_sessions_and_does_not_show_them(as_owner, agent):
    for number in range(3):
        start_session(actor=agent, name=f"call-{number}")
    page = page_of(as_owner)
    assert ("3 sessions" in page, "call-1" in page) == (True, False)
    listed = page_of(as_owner, path_of(agent, "sessions/"))
    assert all(f"call-{number}" in listed for number in range(3))


def test_one_session_is_stopped_alone(as_owner, agent):
    session, other = (start_session(actor=agent, name=name)[0] for name in ("call-1", "call-2"))
    response = as_owner.post(f"{LIST}sessions/{session.id}/stop/")
    assert (response.status_code, response.headers["Location"]) == (303, path_of(agent, "sessions/"))
    assert list(ApiKey.objects.filter(revoked_at=None, parent__isnull=False)) == [other]
    assert "Stopped" in page_of(as_owner, path_of(agent, "sessions/"))


def test_dialog_names_what_stops_and_stopping_ends_it(as_owner, agent):
    start_session(actor=agent, name="call-1")
    page = page_of(as_owner, revoke_path(agent))
    assert "Revoke key" in page
    assert "<dt>Sessions</dt><dd>1</dd><dt>Calls under way</dt><dd>0</dd>" in page
    assert as_owner.post(revoke_path(agent)).status_code == 303
    assert not ApiKey.objects.filter(revoked_at=None).exists()
    assert AuditEvent.objects.get(event="api_key.revoked").data["sessions"] == 1


def test_pages_of_other_organizations_do_not_exist(as_outsider, as_member, agent):
    session, _ = start_session(actor=agent, name="call-1")
    paths = [path_of(agent), path_of(agent, "sessions/")]
    assert [as_outsider.get(path).status_code for path in paths] == [404, 404]
    assert [as_member.get(path).status_code for path in paths] == [403, 403]
    assert as_outsider.post(f"/o/elsewhere/api-keys/sessions/{session.id}/stop/").status_code == 404
    assert ApiKey.objects.get(pk=session.pk).revoked_at is None
