"""`/api/v1/sessions`: a key makes tokens for runs of an agent, lists them, and stops one alone."""

import pytest

from accounts.common.environments import Environment
from accounts.models import ApiKey, AuditEvent
from accounts.policy import Scope
from tests.fixtures.api import Caller
from tests.support.things import key_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def key(owner):
    return Caller(key_for(owner, Scope.RUN, environments=[Environment.STAGING], max_concurrent=5))


def test_token_works_until_it_is_stopped(key):
    made = key.post("/sessions", {"name": "call-4711", "minutes": 30, "max_per_minute": 60})
    assert made["token"].startswith(made["prefix"])
    assert (made["scopes"], made["environments"], made["max_concurrent"]) == (["run"], ["staging"], 5)
    session = Caller(made["token"])
    assert session.problem("GET", "/sessions") == (403, "permission_denied")
    (listed,) = key.get("/sessions")["items"]
    assert listed == {name: value for name, value in made.items() if name != "token"} | {
        "last_used_at": listed["last_used_at"]
    }
    assert listed["last_used_at"]
    assert key.call("DELETE", f"/sessions/{made['id']}").status_code == 204
    assert session.problem("GET", "/sessions") == (401, "unauthenticated")
    assert key.get("/sessions")["items"][0]["stopped_at"]


def test_another_key_does_not_see_it(owner, key):
    made, other = key.post("/sessions", {"name": "call-4711"}), Caller(key_for(owner))
    assert other.get("/sessions") == {"items": [], "next_cursor": None}
    assert other.problem("DELETE", f"/sessions/{made['id']}") == (404, "not_found")


def test_what_is_beyond_the_key_is_422_with_the_fields(key):
    body = {
        "name": "",
        "minutes": 100_000_000_000,
        "scopes": ["secrets.write"],
        "environments": ["production"],
        "max_concurrent": 6,
        "max_per_minute": 0,
    }
    assert key.errors("POST", "/sessions", body) == list(body)
    assert key.errors("POST", "/sessions", {"minutes": "soon", "scopes": ["nothing"]}) == [
        "name",
        "minutes",
        "scopes[0]",
    ]
    assert not ApiKey.objects.filter(parent__isnull=False).exists()


def test_pages_of_sessions(key):
    for number in range(3):
        key.post("/sessions", {"name": f"s{number}"})
    first = key.get("/sessions?limit=2")
    assert [row["name"] for row in first["items"]] == ["s2", "s1"]
    assert [row["name"] for row in key.get(f"/sessions?cursor={first['next_cursor']}")["items"]] == ["s0"]
    assert key.problem("GET", "/sessions?cursor=x") == (422, "invalid")


def test_attempt_of_a_session_to_make_another_is_on_record(key):
    made = key.post("/sessions", {"name": "call-4711"})
    assert Caller(made["token"]).problem("POST", "/sessions", {"name": "x"}) == (403, "permission_denied")
    event = AuditEvent.objects.get(outcome="refused")
    assert (event.event, event.actor_label) == ("api_key.session_started", "API key agent, session call-4711")
