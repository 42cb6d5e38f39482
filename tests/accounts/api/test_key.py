"""`/api/v1/key`: what the key that calls may do."""

import pytest

from accounts.common.environments import Environment
from accounts.policy import Scope
from tests.fixtures.api import Caller
from tests.support.things import key_for

pytestmark = pytest.mark.django_db


def test_a_key_and_its_session_know_themselves(owner):
    key = Caller(key_for(owner, Scope.RUN, environments=[Environment.STAGING]))
    told = key.get("/key")
    assert (told["scopes"], told["environments"]) == (["run"], ["staging"])
    assert told["organization"] == {"name": owner.organization.name, "slug": owner.organization.slug}
    session = Caller(key.post("/sessions", {"name": "call 7"})["token"]).get("/key")
    assert (session["name"], session["id"] != told["id"]) == ("call 7", True)
    assert session["expires_at"]


def test_nobody_without_a_key_is_told_anything():
    assert Caller(None).problem("GET", "/key") == (401, "unauthenticated")
    assert Caller("cof_unknown").problem("GET", "/key") == (401, "unauthenticated")
