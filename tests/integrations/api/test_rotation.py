"""Rotation by API: exact answers of every step (docs/api.md, "Rotation"), who may, and what is refused."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.common.environments import Environment
from accounts.policy import Scope
from integrations.models import RotationCheck, Run
from secrets_app.models import SecretValue
from secrets_app.sealing import keyring
from tests.fixtures.api import Caller, when
from tests.peers.upstreams import answering, http
from tests.support.things import (
    VALUE,
    key_for,
    make_action,
    make_connector,
    store_secret,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline")]

S = Environment.STAGING
NEW = "the-new-key-of-staging"
CHECK = {"check": {"method": "GET", "path": "/me"}}


@pytest.fixture
def upstream():
    """Takes the new key alone; every other gets 401."""

    def respond(request, sending):
        ok = f"Bearer {NEW}".encode() in request
        sending.sendall(http(b'{"secret": "answer"}', status="200 OK" if ok else "401 Unauthorized"))

    with answering(respond) as url:
        yield url


@pytest.fixture
def secret(owner):
    return store_secret(owner)


@pytest.fixture
def path(secret):
    return f"/secrets/{secret.id}/rotation/staging"


def row(state):
    return SecretValue.objects.get(environment="staging", state=state)


def sealed(state):
    found = SecretValue.objects.select_related("secret", "data_key").get(environment="staging", state=state)
    return keyring.unseal(found).expose()


def result(action, slot, outcome, code, detail):
    integration = {"id": str(action.id), "name": action.name, "kind": action.kind}
    reference = {"integration": integration, "slot": slot, "environments": ["staging"]}
    return {"reference": reference, "outcome": outcome, "code": code, "detail": detail}


def results_of(answer):
    """Without the moment of the last use, which is now."""
    found = answer.json()["results"]
    for item in found:
        item["reference"].pop("last_used_at")
    return found


class TestAnswers:
    def test_staging_leaves_the_current_value_and_says_when(self, caller, secret, path):
        before = caller.get(f"/secrets/{secret.id}")
        answer = caller._json("PUT", path, {"value": NEW})
        staged_at = when(row("staged").created_at)
        expected = before | {"version": 2, "updated_at": answer["updated_at"]}
        expected["environments"] = before["environments"] | {
            "staging": before["environments"]["staging"] | {"staged_at": staged_at, "rollback_until": None}
        }
        assert answer.pop("warnings") == []
        assert answer == expected == caller.get(f"/secrets/{secret.id}")
        assert (sealed("current"), sealed("staged")) == (VALUE, NEW)

    def test_check_gives_each_reference_its_result(self, caller, owner, path, upstream):
        good = make_action(owner, base_url=upstream, **CHECK)
        none = make_action(owner, "No check", base_url=upstream)
        make_action(owner, "Switched off", base_url=upstream, enabled=False, **CHECK)
        make_action(owner, "Elsewhere", base_url=upstream, environments=[Environment.PRODUCTION], **CHECK)
        caller._json("PUT", path, {"value": NEW})
        slot = "headers.Authorization"
        answer = caller.call("POST", path + "/check")
        assert set(answer.json()) == {"results"}
        assert "last_used_at" in answer.json()["results"][0]["reference"]
        assert results_of(answer) == [
            result(good, slot, "passed", None, "The upstream answered 200."),
            result(none, slot, "not_checkable", None, "No harmless check is declared."),
        ]
        assert answer.status_code == 200

    def test_check_of_a_value_that_is_refused(self, caller, owner, path, upstream):
        action = make_action(owner, base_url=upstream, **CHECK)
        caller._json("PUT", path, {"value": "a-wrong-new-key"})
        assert results_of(caller.call("POST", path + "/check")) == [
            result(action, "headers.Authorization", "failed", "upstream_error", "The upstream answered 401.")
        ]

    def test_promoting_without_every_check_passed_is_409_with_the_list(self, caller, owner, path, upstream):
        action = make_action(owner, base_url=upstream, **CHECK)
        caller._json("PUT", path, {"value": "a-wrong-new-key"})
        slot = "headers.Authorization"
        untried = result(action, slot, "missing", None, "The new value has not been checked here yet.")
        failed = result(action, slot, "failed", "upstream_error", "The upstream answered 401.")
        for body in ({}, None, {"accept_failures": False}):
            refused = caller.call("POST", path + "/promote", body)
            assert (refused.status_code, refused.json()["code"]) == (409, "checks_failed")
            assert results_of(refused) == [untried]
        caller.call("POST", path + "/check")
        refused = caller.call("POST", path + "/promote", {})
        assert set(refused.json()) == {"type", "title", "status", "code", "detail", "results"}
        assert results_of(refused) == [failed]
        assert (sealed("current"), sealed("staged")) == (VALUE, "a-wrong-new-key")
        assert caller.post(path + "/promote", {"accept_failures": True})["id"]
        assert sealed("current") == "a-wrong-new-key"

    def test_promoting_keeps_the_old_value_for_a_day(self, caller, owner, path, upstream):
        make_action(owner, base_url=upstream, **CHECK)
        caller._json("PUT", path, {"value": NEW})
        caller.call("POST", path + "/check")
        state = caller.post(path + "/promote", {})["environments"]["staging"]
        current, previous = row("current"), row("previous")
        assert state == {
            "state": "set",
            "version": 2,
            "updated_at": when(current.created_at),
            "updated_by": "API key agent",
            "staged_at": None,
            "rollback_until": when(previous.rollback_until),
        }
        left = previous.rollback_until - timezone.now()
        assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)

    def test_window_is_a_setting(self, caller, path, settings):
        settings.ROLLBACK_HOURS = 2
        caller._json("PUT", path, {"value": NEW})
        caller.post(path + "/promote", {"accept_failures": True})
        assert row("previous").rollback_until - timezone.now() <= timedelta(hours=2)

    def test_roll_back_restores_version_and_ends_the_window(self, caller, secret, path):
        before = caller.get(f"/secrets/{secret.id}")["environments"]
        caller._json("PUT", path, {"value": NEW})
        caller.post(path + "/promote", {"accept_failures": True})
        assert caller._json("POST", path + "/rollback", None)["environments"] == before
        assert (sealed("current"), row("destroyed").sealed) == (VALUE, None)

    def test_discard_is_204_and_forgets_the_staged_value(self, caller, secret, path):
        before = caller.get(f"/secrets/{secret.id}")["environments"]
        caller._json("PUT", path, {"value": NEW})
        response = caller.call("DELETE", path)
        assert (response.status_code, response.content) == (204, b"")
        assert caller.get(f"/secrets/{secret.id}")["environments"] == before
        assert row("destroyed").sealed is None

    def test_first_value_of_an_environment_is_staged_and_promoted(self, caller, owner):
        path = f"/secrets/{store_secret(owner, environments=[]).id}/rotation/staging"
        state = caller._json("PUT", path, {"value": NEW})["environments"]["staging"]
        assert (state["state"], state["version"], bool(state["staged_at"])) == ("missing", None, True)
        state = caller.post(path + "/promote", {"accept_failures": True})["environments"]["staging"]
        assert (state["state"], state["rollback_until"]) == ("set", None)
        assert caller.problem("POST", path + "/rollback") == (409, "rollback_expired")

    def test_due_date_counts_from_the_oldest_value(self, caller, secret, path):
        caller.patch(f"/secrets/{secret.id}", {"rotate_every_days": 30})
        SecretValue.objects.filter(environment="staging").update(created_at=timezone.now() - timedelta(days=40))
        overdue = caller.get(f"/secrets/{secret.id}")
        assert overdue["rotation_due_at"] == when(row("current").created_at + timedelta(days=30))
        caller._json("PUT", path, {"value": NEW})
        promoted = caller.post(path + "/promote", {"accept_failures": True})
        assert promoted["rotation_due_at"] > when(timezone.now() + timedelta(days=29))
        rolled_back = caller._json("POST", path + "/rollback", None)
        assert rolled_back["rotation_due_at"] == overdue["rotation_due_at"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("method", "end", "code"),
        [
            ("DELETE", "", "nothing_staged"),
            ("POST", "/check", "nothing_staged"),
            ("POST", "/promote", "nothing_staged"),
            ("POST", "/rollback", "rollback_expired"),
        ],
    )
    def test_nothing_there(self, caller, path, method, end, code):
        assert caller.problem(method, path + end) == (409, code)

    def test_expired_window_before_housekeeping(self, caller, secret, path):
        caller._json("PUT", path, {"value": NEW})
        caller.post(path + "/promote", {"accept_failures": True})
        SecretValue.objects.filter(state="previous").update(rollback_until=timezone.now())
        assert caller.problem("POST", path + "/rollback") == (409, "rollback_expired")
        assert caller.get(f"/secrets/{secret.id}")["environments"]["staging"]["rollback_until"] is None
        assert (sealed("current"), sealed("previous")) == (NEW, VALUE)

    def test_value_that_does_not_open_never_becomes_the_current_one(self, caller, path):
        caller._json("PUT", path, {"value": NEW})
        SecretValue.objects.filter(state="staged").update(unreadable=True)
        assert caller.problem("POST", path + "/promote", {"accept_failures": True}) == (409, "key_unavailable")
        SecretValue.objects.filter(state="staged").update(unreadable=False)
        caller.post(path + "/promote", {"accept_failures": True})
        SecretValue.objects.filter(state="previous").update(unreadable=True)
        assert caller.problem("POST", path + "/rollback") == (409, "key_unavailable")
        assert sealed("current") == NEW

    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            ({}, ["value"]),
            ({"value": None}, ["value"]),
            ({"value": 12345678}, ["value"]),
            ({"value": ""}, ["value"]),
            ({"value": "short"}, ["value"]),
            ({"value": "with-a-nul\0-inside"}, ["value"]),
            ({"value": "x" * 65537}, ["value"]),
            ({"value": NEW, "environment": "staging"}, ["environment"]),
        ],
    )
    def test_bad_value_is_not_staged(self, caller, path, body, fields):
        assert caller.errors("PUT", path, body) == fields
        assert not SecretValue.objects.filter(state="staged").exists()

    def test_short_value_has_its_own_code_and_a_way_out(self, caller, path):
        assert caller.problem("PUT", path, {"value": "short"}) == (422, "value_too_short")
        assert caller._json("PUT", path, {"value": "short", "allow_short": True})["id"]

    def test_unknown_environment_and_secret(self, caller, secret):
        unknown = caller.call("PUT", f"/secrets/{secret.id}/rotation/testing", {"value": NEW})
        assert unknown.status_code in {404, 422}
        assert NEW not in unknown.content.decode()
        assert caller.problem("PUT", f"/secrets/{uuid4()}/rotation/staging", {"value": NEW}) == (404, "not_found")

    def test_stale_version_is_refused(self, caller, path):
        assert caller.problem("PUT", path, {"value": NEW}, if_match='"7"') == (412, "edit_conflict")
        assert caller._json("PUT", path, {"value": NEW}, if_match='"1"')["version"] == 2


class TestWhoMayNot:
    def test_other_organization(self, stranger, caller, path):
        caller._json("PUT", path, {"value": NEW})
        for method, end, body in (("PUT", "", {"value": NEW}), ("DELETE", "", None), ("POST", "/check", None)):
            assert stranger.problem(method, path + end, body) == (404, "not_found")
        for end in ("/promote", "/rollback"):
            assert stranger.problem("POST", path + end, {"accept_failures": True}) == (404, "not_found")

    @pytest.mark.parametrize(
        ("method", "end", "body"),
        [
            ("PUT", "", {"value": NEW}),
            ("DELETE", "", None),
            ("POST", "/check", None),
            ("POST", "/promote", {"accept_failures": True}),
            ("POST", "/rollback", None),
        ],
    )
    def test_key_of_another_environment(self, caller, owner, path, method, end, body):
        caller._json("PUT", path, {"value": NEW})
        narrow = Caller(key_for(owner, environments=[Environment.DEVELOPMENT]))
        assert narrow.problem(method, path + end, body) == (403, "permission_denied")
        assert (sealed("current"), sealed("staged")) == (VALUE, NEW)

    def test_trying_calls_integrations_so_it_needs_the_scope_run(self, caller, owner, path, upstream):
        make_action(owner, base_url=upstream, **CHECK)
        caller._json("PUT", path, {"value": NEW})
        writer = Caller(key_for(owner, Scope.SECRETS_WRITE))
        assert writer.problem("POST", path + "/check") == (403, "permission_denied")
        assert not Run.objects.exists()

    def test_key_of_some_integrations_cannot_vouch_for_the_others(self, caller, owner, path, upstream):
        mine = make_action(owner, base_url=upstream, **CHECK)
        other = make_action(owner, "Not on the list", base_url=upstream, **CHECK)
        narrow = Caller(key_for(owner, integrations=[mine.id]))
        narrow._json("PUT", path, {"value": NEW})
        results = narrow.call("POST", path + "/check").json()["results"]
        assert [item["reference"]["integration"]["name"] for item in results] == [mine.name]
        refused = narrow.call("POST", path + "/promote", {})
        assert (refused.status_code, refused.json()["code"]) == (409, "checks_failed")
        assert other.name not in refused.content.decode()
        assert str(other.id) not in refused.content.decode()
        caller.call("POST", path + "/check")
        assert narrow.problem("POST", path + "/promote", {}) == (409, "checks_failed")
        assert caller.post(path + "/promote", {})["id"]

    def test_key_that_sees_some_users_of_a_connector_proves_nothing(self, caller, owner, path, upstream):
        connector = make_connector(owner)
        used = {"uses": "", "base_url": upstream, "auth_connector": str(connector.id), **CHECK}
        mine = make_action(owner, **used)
        make_action(owner, "Not on the list", **used)
        narrow = Caller(key_for(owner, integrations=[connector.id, mine.id]))
        narrow._json("PUT", path, {"value": NEW})
        assert narrow.call("POST", path + "/check").json()["results"][0]["outcome"] == "not_checkable"
        assert caller.problem("POST", path + "/promote", {}) == (409, "checks_failed")
        assert caller.call("POST", path + "/check").json()["results"][0]["outcome"] == "passed"
        assert RotationCheck.objects.count() == 1

    def test_narrow_key_destroys_nothing_of_other_environments(self, caller, owner):
        secret = store_secret(owner, environments=[])
        caller._json("PUT", f"/secrets/{secret.id}/rotation/production", {"value": NEW})
        narrow = Caller(key_for(owner, environments=[Environment.DEVELOPMENT]))
        denied = (403, "permission_denied")
        assert narrow.problem("DELETE", f"/secrets/{secret.id}") == denied
        assert narrow.problem("PATCH", f"/secrets/{secret.id}", {"allowed_domains": ["evil.example"]}) == denied
        assert SecretValue.objects.get().state == "staged"
        caller.patch(f"/secrets/{secret.id}", {"allowed_domains": ["good.example"]})
        assert SecretValue.objects.get().state == "destroyed"
