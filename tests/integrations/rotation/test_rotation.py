"""Rotation from staging to destruction: a real upstream that takes only the new key, refusals, crashes, races."""

import re
from contextlib import contextmanager

import pytest
from asgiref.sync import async_to_sync
from django.core.management import call_command
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from accounts.common.environments import Environment
from accounts.errors import EditConflict, PermissionDenied
from accounts.models import AuditEvent
from integrations.broker import broker
from integrations.broker.preparation import Call
from integrations.errors import ChecksFailed
from integrations.models import Integration, RotationCheck, Run, RunSecret
from integrations.rotation import rotation
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import update_secret
from secrets_app.errors import NothingStaged, RollbackExpired
from secrets_app.models import SecretValue
from secrets_app.plaintext import Plaintext
from tests.peers.upstreams import answering, closed_port, http
from tests.support.integrations.rotation import NEW, discard, expire, kept, promote, roll_back, stage
from tests.support.sign_in import sign_in
from tests.support.things import (
    VALUE,
    make_action,
    make_connector,
)

S = Environment.STAGING
HTMX = {"HX-Request": "true"}
CHECK = {"check": {"method": "GET", "path": "/me"}}


@pytest.fixture
def upstream():
    """Takes the new key alone; every other gets 401."""

    def respond(request, sending):
        ok = f"Bearer {NEW}".encode() in request
        sending.sendall(http(b"{}", status="200 OK" if ok else "401 Unauthorized"))

    with answering(respond) as url:
        yield url


def check(owner, secret):
    return {t.reference.integration_name: t for t in async_to_sync(rotation.check)(owner, secret.id, S)[1]}


@pytest.mark.django_db
@pytest.mark.usefixtures("inline")
class TestStory:
    def test_new_key_passes_where_the_current_one_would_not(self, owner, secret, upstream):
        make_action(owner, base_url=upstream, **CHECK)
        staged = stage(owner, secret)
        found = check(owner, secret)["Look up patient"]
        assert (found.result.outcome, found.requests) == ("passed", ("GET /me",))
        run = Run.objects.get()
        assert (run.operation, run.outcome) == ("check", "succeeded")
        assert RunSecret.objects.get().version == staged.version
        promote(owner, secret)
        assert kept(secret) == {"current": NEW, "previous": VALUE}
        roll_back(owner, secret)
        assert kept(secret) == {"current": VALUE}

    def test_failures_are_told_and_need_acceptance_that_is_on_record(self, owner, secret, upstream):
        make_action(owner, base_url=upstream, **CHECK)
        make_action(owner, "No check", base_url=upstream)
        stage(owner, secret, "a-wrong-new-key")
        found = check(owner, secret)
        assert {name: reference_check.result.outcome for name, reference_check in found.items()} == {
            "Look up patient": "failed",
            "No check": "not_checkable",
        }
        with pytest.raises(ChecksFailed) as refused:
            promote(owner, secret)
        assert [item["outcome"] for item in refused.value.members["results"]] == ["failed", "not_checkable"]
        assert kept(secret) == {"current": VALUE, "staged": "a-wrong-new-key"}
        promote(owner, secret, accept=True)
        assert len(AuditEvent.objects.get(event="secret.promoted").data["accepted_failures"]) == 2

    def test_connector_is_tried_through_its_users(self, owner, secret, upstream):
        connector = make_connector(owner)
        stage(owner, secret)
        assert check(owner, secret)[connector.name].result.outcome == "not_checkable"
        make_action(owner, uses="", base_url=upstream, auth_connector=str(connector.id), **CHECK)
        assert check(owner, secret)[connector.name].result.outcome == "passed"

    def test_check_that_does_not_send_the_secret_proves_nothing(self, owner, secret, upstream):
        body = {"type": "text", "content": "{secrets.crm.apiKey}"}
        make_action(owner, uses="", base_url=upstream, method="POST", body=body, **CHECK)
        stage(owner, secret)
        assert check(owner, secret)["Look up patient"].result.outcome == "not_checkable"
        assert not Run.objects.exists()

    def test_staging_again_and_editing_forget_results(self, owner, secret, upstream):
        action = make_action(owner, base_url=upstream, **CHECK)
        stage(owner, secret)
        assert check(owner, secret)["Look up patient"].passed
        Integration.objects.get(pk=action.pk).save()
        with pytest.raises(ChecksFailed):
            promote(owner, secret)
        check(owner, secret)
        stage(owner, secret)
        with pytest.raises(ChecksFailed):
            promote(owner, secret)
        assert SecretValue.objects.filter(state="destroyed", sealed=None).count() == 1

    def test_person_who_saw_another_value_or_other_results_is_told(self, owner, secret, upstream):
        make_action(owner, base_url=upstream)
        first = stage(owner, secret)
        stage(owner, secret)
        with pytest.raises(EditConflict):
            promote(owner, secret, accept=True, expected=first.id)
        with pytest.raises(ChecksFailed):
            promote(owner, secret, accept=True, accepted=frozenset())

    def test_nothing_that_could_be_tried_needs_acceptance(self, owner, secret):
        stage(owner, secret)
        with pytest.raises(ChecksFailed):
            promote(owner, secret)

    def test_refusals(self, owner, member, secret):
        for act in (promote, roll_back):
            with pytest.raises((NothingStaged, RollbackExpired)):
                act(owner, secret)
        with pytest.raises(PermissionDenied):
            stage(member, secret)

    def test_expired_is_refused_before_housekeeping_and_destroyed_by_it_once(self, owner, secret):
        stage(owner, secret)
        promote(owner, secret, accept=True)
        call_command("housekeeping")
        assert kept(secret) == {"current": NEW, "previous": VALUE}
        expire()
        with pytest.raises(RollbackExpired):
            roll_back(owner, secret)
        call_command("housekeeping")
        call_command("housekeeping")
        assert kept(secret) == {"current": NEW}
        assert AuditEvent.objects.filter(event="secret.previous_destroyed").count() == 1
        assert not RotationCheck.objects.exists()

    def test_replacing_keeps_what_is_staged_and_destroys_what_was_kept(self, owner, secret):
        stage(owner, secret)
        promote(owner, secret, accept=True)
        stage(owner, secret, "another-new-key")
        update_secret(actor=owner, secret_id=secret.id, changes=SecretChanges(values={S: Plaintext("replaced-now")}))
        assert kept(secret) == {"current": "replaced-now", "staged": "another-new-key"}

    def test_api(self, owner, secret, upstream):
        from tests.fixtures.api import Caller
        from tests.support.things import key_for

        make_action(owner, base_url=upstream, **CHECK)
        caller, path = Caller(key_for(owner)), f"/secrets/{secret.id}/rotation/staging"
        staged = caller._json("PUT", path, {"value": NEW})["environments"]["staging"]
        assert staged["staged_at"] and staged["rollback_until"] is None
        assert caller.problem("POST", path + "/promote", {}) == (409, "checks_failed")
        results = caller.call("POST", path + "/check").json()["results"]
        assert [set(item) for item in results] == [{"reference", "outcome", "code", "detail"}]
        assert results[0]["outcome"] == "passed" and results[0]["reference"]["slot"] == "headers.Authorization"
        state = caller.post(path + "/promote", {})["environments"]["staging"]
        assert state["rollback_until"] and state["staged_at"] is None
        assert caller.call("POST", path + "/rollback").status_code == 200
        assert caller.problem("POST", path + "/rollback") == (409, "rollback_expired")
        assert caller.problem("DELETE", path) == (409, "nothing_staged")
        narrow = Caller(key_for(owner, environments=[Environment.DEVELOPMENT]))
        assert narrow.problem("PUT", path, {"value": NEW}) == (403, "permission_denied")
        assert caller.errors("PUT", path, {"value": "short"}) == ["value"]


@pytest.mark.django_db(transaction=True)
def test_pages_tell_the_whole_story(client, owner, secret, upstream):

    sign_in(client, owner)
    action = make_action(owner, base_url=upstream, **CHECK)
    base = f"/o/harbor-clinics/secrets/{secret.id}/rotate/"
    refused = client.post(base, {"environment": "staging", "value": "short"})
    assert refused.status_code == 422 and ">short<" not in refused.content.decode()
    page = client.post(base, {"environment": "staging", "value": NEW}, follow=True).content.decode()
    assert "Not checked" in page and "0 of 1 checked" in page
    assert client.get(f"{base}staging/?tried=0", headers=HTMX).status_code == 204
    reference = action.references.get().id
    row = client.post(f"{base}staging/check/{reference}/", headers=HTMX)
    assert "Passed" in row.content.decode() and row.headers["HX-Trigger"] == "referencechecked"
    assert "only reference accepts" in client.get(f"{base}staging/?tried=0", headers=HTMX).content.decode()
    assert "Promote the new Staging value?" in client.get(f"{base}staging/promote/").content.decode()
    page = client.post(f"{base}staging/promote/", follow=True).content.decode()
    assert "The new Staging value is live" in page and NEW not in page
    client.post(f"{base}staging/rollback/")
    assert kept(secret) == {"current": VALUE}
    client.post(base, {"environment": "staging", "value": NEW})
    asked = client.post(f"{base}staging/promote/", {"accept_failures": "on"})
    assert asked.status_code == 409 and "Look up patient" in asked.content.decode()
    assert client.post(f"{base}staging/discard/").status_code == 303
    assert kept(secret) == {"current": VALUE}


@pytest.mark.django_db(transaction=True)
def test_page_that_is_out_of_date_does_nothing(client, owner, secret):

    sign_in(client, owner)
    base = f"/o/harbor-clinics/secrets/{secret.id}/rotate/staging/"

    def seen(page):
        return {"seen": re.search(r'name="seen" value="([^"]+)"', client.get(page).content.decode()).group(1)}

    stage(owner, secret)
    old = seen(base)
    stage(owner, secret, "another-new-key")
    told = client.post(f"{base}discard/", old, follow=True)
    assert "Somebody rotated this value in the meantime" in told.content.decode()
    promote(owner, secret, accept=True)
    old = seen(f"{base}window/")
    stage(owner, secret)
    promote(owner, secret, accept=True)
    for act in ("rollback", "finish"):
        told = client.post(f"{base}{act}/", old, follow=True)
        assert "Somebody rotated this value in the meantime" in told.content.decode()
    assert kept(secret) == {"current": NEW, "previous": "another-new-key"}
    client.post(f"{base}rollback/", seen(f"{base}window/"))
    assert kept(secret) == {"current": "another-new-key"}


@pytest.mark.django_db(transaction=True)
def test_looking_at_any_page_writes_nothing_and_calls_nobody(client, owner, secret):

    sign_in(client, owner)
    make_action(owner, base_url=f"http://127.0.0.1:{closed_port()}", **CHECK)
    stage(owner, secret)
    promote(owner, secret, accept=True)
    stage(owner, secret, "another-new-key")
    base = f"/o/harbor-clinics/secrets/{secret.id}/rotate/"
    for address in (base, f"{base}staging/", f"{base}staging/promote/", f"{base}staging/window/"):
        for headers in ({}, HTMX):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address, headers=headers).status_code == 200
            assert [query["sql"] for query in queries if not query["sql"].lstrip("( ").startswith("SELECT")] == []
    assert not Run.objects.exists()
    assert not RotationCheck.objects.exists()


@contextmanager
def meanwhile(act):
    """An upstream that takes every key, and does something in the product before it answers: no lock is held then."""

    def respond(request, sending):
        try:
            act()
        finally:
            connections.close_all()
        sending.sendall(http(b"{}"))

    with answering(respond) as url:
        yield url


@pytest.mark.django_db(transaction=True)
class TestWhatHappensWhileAValueIsTried:
    def test_staged_again(self, owner, secret):
        with meanwhile(lambda: stage(owner, secret, "another-new-key")) as url:
            make_action(owner, base_url=url, **CHECK)
            stage(owner, secret)
            with pytest.raises(NothingStaged):
                check(owner, secret)
        assert not RotationCheck.objects.exists()
        with pytest.raises(ChecksFailed):
            promote(owner, secret)
        assert kept(secret) == {"current": VALUE, "staged": "another-new-key"}

    def test_discarded_or_promoted(self, owner, secret):
        acts = iter([discard, lambda owner, secret: promote(owner, secret, accept=True)])
        with meanwhile(lambda: next(acts)(owner, secret)) as url:
            make_action(owner, base_url=url, **CHECK)
            for current in (VALUE, NEW):
                stage(owner, secret)
                with pytest.raises(NothingStaged):
                    check(owner, secret)
                assert kept(secret)["current"] == current
        assert not RotationCheck.objects.exists()

    def test_integration_saved(self, owner, secret):
        with meanwhile(lambda: Integration.objects.get().save()) as url:
            make_action(owner, base_url=url, **CHECK)
            stage(owner, secret)
            assert check(owner, secret)["Look up patient"].result.outcome == "missing"

    def test_integration_deleted(self, owner, secret):
        with meanwhile(lambda: Integration.objects.all().delete()) as url:
            make_action(owner, base_url=url, **CHECK)
            stage(owner, secret)
            assert check(owner, secret) == {}

    def test_calls_of_others_send_the_current_value(self, owner, secret):
        def call():
            async_to_sync(broker.run)(owner, Call(other.id, S))

        with meanwhile(call) as url, sent_to() as (received, plain):
            other = make_action(owner, "Other", base_url=plain)
            make_action(owner, base_url=url, **CHECK)
            stage(owner, secret)
            check(owner, secret)
        assert received == [f"Bearer {VALUE}"]


@contextmanager
def sent_to():
    received = []

    def respond(request, sending):
        received.append(re.search(r"Authorization: ([^\r]*)", request.decode()).group(1))
        sending.sendall(http(b"{}"))

    with answering(respond) as url:
        yield received, url


@pytest.mark.django_db
def test_changed_domains_destroy_what_is_staged_and_kept(owner, secret):
    stage(owner, secret)
    promote(owner, secret, accept=True)
    stage(owner, secret, "another-new-key")
    entered = dict.fromkeys(Environment, Plaintext("entered-with-the-domains"))
    changes = SecretChanges(allowed_domains=["new.example.com"], values=entered)
    update_secret(actor=owner, secret_id=secret.id, changes=changes)
    assert kept(secret) == {"current": "entered-with-the-domains"}
    with pytest.raises(RollbackExpired):
        roll_back(owner, secret)
    with pytest.raises(NothingStaged):
        promote(owner, secret, accept=True)
