"""Where and by what program a key was last used: bounded, and untrusted."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from accounts.access import last_use
from accounts.access.agent_sessions import start_session
from accounts.access.callers import actor_of_key
from accounts.access.last_use import record_client
from accounts.models import ApiKey
from tests.support.things import key_for

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline")]


@pytest.fixture(autouse=True)
def nothing_noted(monkeypatch):
    monkeypatch.setattr(last_use, "_noted", {})


def stored():
    return ApiKey.objects.filter(parent=None).values_list("last_address", "last_user_agent", "last_client").get()


def test_use_is_recorded_once_a_minute(owner):
    text = key_for(owner)
    actor_of_key(text, address="192.0.2.7", user_agent="python-httpx/0.28")
    assert stored() == ("192.0.2.7", "python-httpx/0.28", "")
    actor_of_key(text, address="2001:db8::1", user_agent="curl/8")
    assert stored() == ("192.0.2.7", "python-httpx/0.28", "")
    ApiKey.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    actor_of_key(text, address="2001:db8::1", user_agent="curl/8")
    assert stored() == ("2001:db8::1", "curl/8", "")


def test_what_a_program_says_of_itself_is_cut_and_cleaned(owner):
    actor = actor_of_key(key_for(owner), address=None, user_agent="a\x00b\u202e" + "c" * 500)
    async_to_sync(record_client)(actor, "claude\ncode\ud800 " + "x" * 500)
    _, program, client = stored()
    assert (program, len(program)) == ("ab" + "c" * 196, 198)
    assert client.startswith("claudecode ")
    assert len(client) <= 100


def test_name_of_a_client_is_kept_until_another_program_comes(owner):
    text = key_for(owner)
    actor = actor_of_key(text, address=None, user_agent="node")
    async_to_sync(record_client)(actor, "claude-code")
    for program, kept in (("node", "claude-code"), ("curl/8", "")):
        ApiKey.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
        actor_of_key(text, address=None, user_agent=program)
        assert stored()[2] == kept


def test_same_name_is_written_once_a_minute(owner, django_assert_num_queries):
    actor = actor_of_key(key_for(owner), address=None)
    async_to_sync(record_client)(actor, "claude-code")
    with django_assert_num_queries(0):
        async_to_sync(record_client)(actor, "claude-code")
        async_to_sync(record_client)(actor, "")


def test_use_of_a_session_is_a_use_of_its_key(owner):
    key = actor_of_key(key_for(owner), address=None)
    _, text = start_session(actor=key, name="s")
    ApiKey.objects.update(last_used_at=None)
    session = actor_of_key(text.text, address="192.0.2.8", user_agent="node")
    async_to_sync(record_client)(session, "livekit")
    assert stored() == ("192.0.2.8", "node", "livekit")
    assert ApiKey.objects.get(pk=session.id).last_client == "livekit"
