"""Rotation from staging to destruction: a real upstream that takes only the new key, refusals, crashes, races."""

import os
import signal
import warnings
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.core.management import call_command
from django.db import connection, connections
from django.utils import timezone

from accounts.environments import Environment
from accounts.errors import EditConflict, PermissionDenied, Refusal
from accounts.models import AuditEvent
from integrations import rotation
from integrations.errors import ChecksFailed
from integrations.models import Integration, RotationCheck, Run, RunSecret
from secrets_app import keyring
from secrets_app.errors import NothingStaged, RollbackExpired
from secrets_app.models import SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.services import rotation as values
from secrets_app.services.secrets import Changes, update_secret
from tests.test_races import only, together  # noqa: F401
from tests.things import VALUE, make_action, make_connector, store_secret
from tests.upstreams import answering, http

S = Environment.STAGING
NEW = "the-new-key-of-staging"
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


@pytest.fixture
def secret(owner):
    return store_secret(owner)


def stage(owner, secret, text=NEW):
    return values.stage(actor=owner, secret_id=secret.id, environment=S, value=Plaintext(text))


def check(owner, secret):
    return {t.reference.integration_name: t for t in async_to_sync(rotation.check)(owner, secret.id, S)[1]}


def promote(owner, secret, *, accept=False, **more):
    return rotation.promote(actor=owner, secret_id=secret.id, environment=S, accept_failures=accept, **more)


def roll_back(owner, secret):
    return values.roll_back(actor=owner, secret_id=secret.id, environment=S)


def kept(secret):
    """State -> value of everything that is still sealed in Staging."""
    rows = SecretValue.objects.filter(secret=secret, environment="staging", sealed__isnull=False)
    return {row.state: keyring.unseal(row).expose() for row in rows.select_related("secret", "data_key")}


def expire():
    SecretValue.objects.filter(state="previous").update(rollback_until=timezone.now() - timedelta(seconds=1))


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
        assert {name: trial.result.outcome for name, trial in found.items()} == {
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
        update_secret(actor=owner, secret_id=secret.id, changes=Changes(values={S: Plaintext("replaced-now")}))
        assert kept(secret) == {"current": "replaced-now", "staged": "another-new-key"}

    def test_api(self, owner, secret, upstream):
        from tests.api.conftest import Caller
        from tests.things import key_for

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
    from accounts.models import User

    client.force_login(User.objects.get(pk=owner.id))
    action = make_action(owner, base_url=upstream, **CHECK)
    base = f"/o/harbor-clinics/secrets/{secret.id}/rotate/"
    refused = client.post(base, {"environment": "staging", "value": "short"})
    assert refused.status_code == 422 and ">short<" not in refused.content.decode()
    page = client.post(base, {"environment": "staging", "value": NEW}, follow=True).content.decode()
    assert "Not checked" in page and "0 of 1 checked" in page
    assert client.get(f"{base}staging/?tried=0", headers=HTMX).status_code == 204
    reference = action.references.get().id
    row = client.post(f"{base}staging/check/{reference}/", headers=HTMX)
    assert "Passed" in row.content.decode() and row.headers["HX-Trigger"] == "trialchecked"
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


ACTS = {
    "stage": (lambda owner, secret: stage(owner, secret, "third-key-of-all"), ()),
    "promote": (lambda owner, secret: promote(owner, secret, accept=True), ("stage",)),
    "roll back": (roll_back, ("stage", "promote")),
    "destroy": (lambda owner, secret: values.destroy_expired(command="housekeeping"), ("stage", "promote", "expire")),
    "discard": (lambda o, s: values.discard(actor=o, secret_id=s.id, environment=S), ("stage",)),
}
STEPS = {
    "stage": stage,
    "promote": lambda owner, secret: promote(owner, secret, accept=True),
    "expire": lambda owner, secret: expire(),
}


def killed_at(number, act):
    """Run the act in a process that ends without a word at its statement of this number; whether it was killed."""
    connections.close_all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        left = iter(range(number))

        def count(execute, sql, params, many, context):
            if next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            return execute(sql, params, many, context)

        try:
            with connection.execute_wrapper(count):
                act()
        except BaseException:
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in {0, -signal.SIGKILL}
    return code == -signal.SIGKILL


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ACTS)
def test_process_that_dies_at_any_statement_leaves_a_current_value(owner, secret, name):
    act, before = ACTS[name]
    for step in before:
        STEPS[step](owner, secret)
    untouched, number = kept(secret), 0
    while killed_at(number, lambda: act(owner, secret)):
        assert kept(secret) == untouched
        number += 1
    assert number > 5
    assert "current" in kept(secret) and kept(secret) != untouched


def rounds(together, owner, secret, first, second, *allowed):  # noqa: F811
    problems = together(lambda: first(owner, secret), lambda: second(owner, secret))
    only(problems, *allowed)
    assert SecretValue.objects.current().filter(secret=secret, environment="staging").count() == 1
    assert "current" in kept(secret)
    return problems


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_two_promotes(self, owner, secret, together):  # noqa: F811
        for _ in range(50):
            stage(owner, secret)
            problems = rounds(together, owner, secret, STEPS["promote"], STEPS["promote"], NothingStaged)
            assert sum(problem is None for problem in problems) == 1

    def test_promote_and_stage(self, owner, secret, together):  # noqa: F811
        for _ in range(50):
            stage(owner, secret)
            rounds(together, owner, secret, STEPS["promote"], stage, Refusal)

    def test_roll_back_and_housekeeping(self, owner, secret, together):  # noqa: F811
        for number in range(50):
            stage(owner, secret, f"value-number-{number}")
            promote(owner, secret, accept=True)
            if number % 2:
                expire()
            rounds(together, owner, secret, roll_back, ACTS["destroy"][0], RollbackExpired)
