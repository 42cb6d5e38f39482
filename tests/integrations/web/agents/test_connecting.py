"""Connecting an agent: the choice with what it would see, the key that is never drawn, the first call."""

from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from django.utils import timezone

from accounts.access.callers import actor_of_key
from accounts.access.last_use import record_client
from accounts.common.environments import Environment
from accounts.models import ApiKey
from integrations.models import Integration
from integrations.runs.way_out import way_out
from integrations.web.agents.snippets import KEY, SNIPPETS, URL
from tests import factories
from tests.support.things import make_action, make_connector

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline")]
CONNECT = "/o/harbor-clinics/agents/connect/"
S = Environment.STAGING


def fields(**changes):
    """A form that is right, with changes."""
    return {
        "form": str(uuid4()),
        "client": "livekit",
        "name": "reception-agent",
        "environments": "staging",
        "reach": "all",
        "expires": "90",
        "max_concurrent": "20",
        "max_per_minute": "120",
    } | changes


@pytest.fixture
def connected(as_owner):
    """Connect an agent; the response, the key and its text."""
    response = as_owner.post(CONNECT, fields())
    return response, ApiKey.objects.get(), response.context["once"].text


def first_call(browser, key, **headers):
    return browser.get(f"{CONNECT}{key.id}/", **headers)


def test_key_is_for_calls_in_one_environment_and_its_text_is_not_drawn(connected):
    response, key, text = connected
    assert (key.scopes, key.environments, key.max_concurrent, key.max_per_minute) == (["run"], {S}, 20, 120)
    assert "no-store" in response.headers["Cache-Control"]
    page = response.content.decode()
    with_script = page.replace(f'<noscript><pre class="http" aria-label="API key">{text}</pre></noscript>', "")
    drawn = [part for part in with_script.split(text)[:-1] if not part.rpartition("<")[2].startswith("button")]
    assert drawn == []
    assert with_script.count(text) == 1 + sum(snippet.holds_key for snippet in SNIPPETS)


def test_page_has_every_snippet_with_the_address_and_the_chosen_one_first(connected, settings):
    page = connected[0].content.decode()
    assert '<option value="livekit" selected>' in page
    assert all(f"Copy what {snippet.label} needs" in page for snippet in SNIPPETS)
    assert f"{settings.SITE_URL}/mcp" in page
    assert not any(mark in page for mark in (URL, KEY))


def test_only_what_is_chosen_is_seen(as_owner, owner):
    chosen, other = (make_action(owner, name, uses="") for name in ("Look up patient", "Update contact"))
    sent = fields(reach="some", integrations=[str(chosen.id)])
    preview = as_owner.post(f"{CONNECT}tools/", sent, HTTP_HX_REQUEST="true").content.decode()
    assert ("It will see 1 tool<" in preview, "look_up_patient" in preview, "update_contact" in preview) == (
        True,
        True,
        False,
    )
    response = as_owner.post(CONNECT, sent)
    assert [tool.name for tool in response.context["tools"].items] == ["look_up_patient"]
    assert str(other.id) not in ApiKey.objects.get().integrations


def test_integrations_without_a_tool_are_not_offered(as_owner, owner):
    make_connector(owner, "Sign in")
    make_action(owner, "Look up", uses="")
    search = "/o/harbor-clinics/api-keys/new/integrations/"
    found = [as_owner.get(CONNECT), as_owner.post(search, {"for": "agents"}, HTTP_HX_REQUEST="true")]
    assert [("Look up" in page.content.decode(), "Sign in" in page.content.decode()) for page in found] == [
        (True, False)
    ] * 2
    assert "Sign in" in as_owner.post(search, {}, HTTP_HX_REQUEST="true").content.decode()


def test_preview_follows_the_environment_and_makes_nothing(as_owner, owner):
    make_action(owner, uses="")
    for environment, number in (("staging", "1 tool<"), ("production", "0 tools"), ("nowhere", "1 tool<")):
        sent = fields(environments=environment)
        page = as_owner.post(f"{CONNECT}tools/", sent, HTTP_HX_REQUEST="true").content.decode()
        assert f"It will see {number}" in page
    assert as_owner.post(f"{CONNECT}tools/", fields()).headers["Location"] == CONNECT
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": " "}, "Enter a name of 1 to 80 characters"),
        ({"client": "telnet"}, "Choose the agent that you connect."),
        ({"environments": ["staging", "production"]}, "Choose exactly one environment."),
        ({"environments": []}, "Choose at least one environment."),
        ({"reach": "some"}, "Choose at least one integration"),
        ({"max_per_minute": "many"}, "Enter a number"),
        ({"scopes": ["secrets.write"], "name": ""}, "Enter a name"),
    ],
)
def test_wrong_form_is_shown_again_with_what_was_typed(as_owner, changes, words):
    response = as_owner.post(CONNECT, fields(**changes))
    page = response.content.decode()
    assert response.status_code == 422
    assert words in page
    assert 'value="120"' in page or "max_per_minute" in changes
    assert not ApiKey.objects.exists()


def test_form_makes_one_key_however_often_it_is_sent(as_owner):
    sent = fields()
    as_owner.post(CONNECT, sent)
    assert "already submitted" in as_owner.post(CONNECT, sent).content.decode()
    assert ApiKey.objects.count() == 1


def test_scopes_of_a_form_count_for_nothing(as_owner):
    as_owner.post(CONNECT, fields(scopes=["secrets.write", "run"]))
    assert ApiKey.objects.get().scopes == ["run"]


def test_page_waits_until_the_agent_calls_then_names_it_and_stops_asking(as_owner, owner, connected):
    response, key, text = connected
    make_action(owner, uses="")
    assert 'hx-trigger="every 2s"' in response.content.decode()
    assert first_call(as_owner, key, HTTP_HX_REQUEST="true").status_code == 204
    assert "Waiting for the first call" in first_call(as_owner, key).content.decode()
    async_to_sync(record_client)(actor_of_key(text, address="203.0.113.40", user_agent="python"), "livekit-agents")
    for page in (first_call(as_owner, key, HTTP_HX_REQUEST="true"), first_call(as_owner, key)):
        shown = page.content.decode()
        assert all(words in shown for words in ("Connected", "livekit-agents", "203.0.113.40", "1 tool<"))
        assert "every 2s" not in shown


@pytest.mark.parametrize(("code", "fix"), [(code, way_out(code).words) for code in ("secret_missing", "invalid_url")])
def test_refused_call_is_shown_with_its_code_and_what_to_do(as_owner, owner, connected, code, fix):
    _, key, text = connected
    action = make_action(owner, uses="")
    actor_of_key(text, address=None)
    factories.RunFactory(
        organization=owner.organization, integration_id=action.id, integration_name=action.name,
        caller_id=key.id, outcome="refused", error_code=code,
    )  # fmt: skip
    shown = first_call(as_owner, key, HTTP_HX_REQUEST="true").content.decode()
    assert all(words in shown for words in ("Refused", code, fix, f"Open {action.name}"))
    assert "every 2s" not in shown


@pytest.mark.parametrize("field", ["revoked_at", "expires_at", "suspended_at"])
def test_key_that_is_no_good_any_more_is_refused(as_owner, connected, field):
    _, key, _ = connected
    ApiKey.objects.filter(pk=key.pk).update(**{field: timezone.now()})
    assert "unauthenticated" in first_call(as_owner, key).content.decode()


def test_others_see_nothing_of_it(as_member, as_outsider, connected):
    _, key, _ = connected
    assert [as_member.get(CONNECT).status_code, first_call(as_member, key).status_code] == [403, 403]
    assert [as_outsider.get(CONNECT).status_code, first_call(as_outsider, key).status_code] == [404, 404]
    assert Client().get(CONNECT).status_code == 302
    assert Integration.objects.count() == 0
