"""API keys and sessions at the same moment, on PostgreSQL: one form makes one key, and the bound of sessions holds."""

from uuid import UUID

import pytest

from accounts.access import agent_sessions
from accounts.access.agent_sessions import start_session
from accounts.access.api_keys import create_api_key, revoke_api_key
from accounts.access.callers import actor_of_key
from accounts.common.environments import ALL_ENVIRONMENTS
from accounts.errors import Invalid, RateLimited, Unauthenticated
from accounts.models import ApiKey, AuditEvent
from accounts.policy import Scope
from tests.support.races import assert_only

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

FORM = UUID("5f3ff9ab-8b4e-4c9e-9d0b-6c6a4a8d7f10")


def test_a_form_sent_eight_times_at_once_makes_one_key(together, owner):
    wanted = {"actor": owner, "name": "k", "scopes": [Scope.RUN], "environments": ALL_ENVIRONMENTS, "form": FORM}
    outcomes = together(*[lambda: create_api_key(**wanted)] * 8)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Invalid"] * 7 + ["NoneType"]
    assert all(outcome is None or isinstance(outcome, Invalid) for outcome in outcomes)
    assert (ApiKey.objects.count(), AuditEvent.objects.filter(event="api_key.created").count()) == (1, 1)


def test_a_key_revoked_eight_times_at_once_is_revoked_once(together, owner):
    key, _ = create_api_key(actor=owner, name="k", scopes=[Scope.RUN], environments=ALL_ENVIRONMENTS)
    outcomes = together(*[lambda: revoke_api_key(actor=owner, key_id=key.id)] * 8)
    assert outcomes == [None] * 8
    assert AuditEvent.objects.filter(event="api_key.revoked").count() == 1


@pytest.fixture
def key(owner):
    """The actor of a key for calls."""
    _, text = create_api_key(actor=owner, name="k", scopes=[Scope.RUN], environments=ALL_ENVIRONMENTS)
    return actor_of_key(text.text, address=None)


def test_no_more_sessions_than_allowed_start_at_once(together, key, monkeypatch):
    monkeypatch.setattr(agent_sessions, "MOST_AT_ONCE", 3)
    outcomes = together(*[lambda: start_session(actor=key, name="s")] * 8)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType"] * 3 + ["RateLimited"] * 5
    assert all(outcome is None or isinstance(outcome, RateLimited) for outcome in outcomes)
    assert ApiKey.objects.filter(parent=key.id).count() == 3


def test_no_session_outlives_a_key_that_is_revoked_meanwhile(together, owner, key):
    texts = []

    def start():
        texts.append(start_session(actor=key, name="s")[1].text)

    outcomes = together(*[start] * 4, lambda: revoke_api_key(actor=owner, key_id=key.id), *[start] * 3)
    assert_only(outcomes[:4] + outcomes[5:], Unauthenticated)
    assert outcomes[4] is None
    for text in texts:
        with pytest.raises(Unauthenticated):
            actor_of_key(text, address=None)
