"""What every operation does besides its own work: entity tags, addresses, dry runs, answers that are given again."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from accounts.access import idempotency
from accounts.audit.trail import Event
from accounts.models import ApiKey, AuditEvent, IdempotentRequest
from accounts.policy import Scope
from integrations.models import AlertEndpoint, Integration, Run
from secrets_app.models import Secret, SecretValue
from secrets_app.sealed_text import SealedText
from secrets_app.sealing import sealed_texts
from tests.fixtures.api import BASE, Caller
from tests.support.api.operations import HOOK
from tests.support.things import key_for, make_action, store_secret

pytestmark = pytest.mark.django_db

NEW = {"name": "crm.token", "value": "a-value-to-keep"}
KEY = "9f1f6b0e-6c1e-4f0c-8d0e-3c9a7c5b2d11"


def events():
    return list(AuditEvent.objects.order_by("sequence").values_list("event", flat=True))


class TestEntityTags:
    def test_answer_that_the_caller_has_is_304(self, caller, owner):
        secret = store_secret(owner)
        for path in (f"/secrets/{secret.id}", "/secrets", "/integrations", "/key", "/kinds", "/audit-events"):
            tag = caller.call("GET", path).headers["ETag"]
            for header in (tag, f'"x", W/{tag}', "*"):
                again = caller.call("GET", path, if_none_match=header)
                assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
            assert caller.call("GET", path, if_none_match='"x"').status_code == 200

    def test_tag_changes_with_the_answer_and_not_only_with_the_version(self, caller, owner):
        secret = store_secret(owner)
        tag = caller.call("GET", f"/secrets/{secret.id}").headers["ETag"]
        make_action(owner, uses=secret.name)
        changed = caller.call("GET", f"/secrets/{secret.id}", if_none_match=tag)
        assert (changed.status_code, changed.json()["usage_count"]) == (200, 1)

    def test_tag_is_good_for_if_match(self, caller, owner):
        path = f"/secrets/{store_secret(owner).id}"
        tag = caller.call("GET", path).headers["ETag"]
        edited = caller.call("PATCH", path, {"description": "x"}, if_match=tag)
        assert (edited.status_code, edited.headers["ETag"]) == (200, '"2"')
        assert caller.problem("PATCH", path, {"description": "y"}, if_match=f"W/{tag}") == (412, "edit_conflict")
        assert caller.call("PATCH", path, {"description": "y"}, if_match='"2"').status_code == 200

    def test_file_has_none(self, caller):
        response = caller.call("GET", "/audit-events", accept="text/csv")
        assert response.status_code == 200
        assert "ETag" not in response.headers


def test_what_was_created_is_at_its_location(caller, owner):
    action = make_action(owner, uses="")
    for method, path, body in [
        ("POST", "/secrets", NEW),
        ("PUT", "/secrets/by-name/crm.other", {}),
        ("POST", "/webhooks", HOOK),
        ("POST", f"/integrations/{action.id}/duplicate", None),
    ]:
        made = caller.call(method, path, body)
        assert made.status_code == 201
        place = made.headers["Location"].removeprefix(BASE)
        assert caller.get(place)["id"] == made.json()["id"]


class TestDryRuns:
    def test_nothing_is_created_and_the_answer_says_what_would_be(self, caller):
        before = events()
        response = caller.call("POST", "/secrets?dry_run=true", NEW)
        answer = response.json()
        assert (response.status_code, answer["name"], "Location" in response.headers) == (200, "crm.token", False)
        assert [act["event"] for act in answer["dry_run"]["acts"]] == ["secret.created"]
        assert answer["dry_run"]["acts"][0]["target"]["name"] == "crm.token"
        assert answer["dry_run"]["changes"] == []
        assert NEW["value"] not in response.text
        assert not Secret.objects.exists()
        assert events() == before
        assert caller.call("POST", "/secrets?dry_run=false", NEW).status_code == 201

    def test_change_is_told_field_by_field_and_value_by_version(self, caller, owner):
        path = f"/secrets/{store_secret(owner).id}"
        body = {"description": "For the CRM", "values": {"staging": "another-value"}}
        answer = caller.patch(f"{path}?dry_run=true", body)
        changes = {change["field"]: (change["before"], change["after"]) for change in answer["dry_run"]["changes"]}
        assert changes == {
            "description": ("", "For the CRM"),
            "environments.staging.version": (1, 2),
            "version": (1, 2),
        }
        assert caller.get(path)["description"] == ""
        assert SecretValue.objects.filter(version=2).count() == 0

    def test_deletion_has_its_acts(self, caller, owner):
        path = f"/secrets/{store_secret(owner).id}"
        response = caller.call("DELETE", f"{path}?dry_run=true")
        assert response.status_code == 200
        assert [act["event"] for act in response.json()["dry_run"]["acts"]] == ["secret.deleted"]
        assert response.json().keys() == {"dry_run"}
        assert caller.get(path)

    def test_acts_that_follow_are_told_too(self, caller, owner):
        secret = store_secret(owner)
        action = make_action(owner, uses=secret.name)
        answer = caller.patch(f"/secrets/{secret.id}?dry_run=true", {"name": "crm.renamed"})
        assert {act["target"]["name"] for act in answer["dry_run"]["acts"]} >= {"crm.renamed"}
        assert Integration.objects.get(pk=action.pk).config == action.config

    def test_refusal_is_that_of_the_act_and_is_recorded(self, owner):
        secret = store_secret(owner)
        reader = Caller(key_for(owner, Scope.SECRETS_READ))
        path = f"/secrets/{secret.id}?dry_run=true"
        assert reader.problem("DELETE", path) == (403, "permission_denied")
        assert AuditEvent.objects.filter(event=Event.SECRET_DELETED.value, outcome="refused").count() == 1

    def test_webhook_is_not_made_and_nothing_is_sent(self, caller, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True) as waiting:
            answer = caller.call("POST", "/webhooks?dry_run=true", HOOK).json()
        assert (answer["signing_secret"], waiting, len(mail.outbox)) == ("", [], 0)
        assert not AlertEndpoint.objects.exists()
        assert not SealedText.objects.exists()

    def test_session_is_not_started(self, caller):
        answer = caller.call("POST", "/sessions?dry_run=true", {"name": "call-4711"}).json()
        assert answer["token"] == ""
        assert not ApiKey.objects.exclude(parent=None).exists()

    def test_by_name_and_import_have_them_too(self, caller):
        answer = caller.call("PUT", "/secrets/by-name/crm.token?dry_run=true", {"description": "x"})
        assert (answer.status_code, answer.json()["dry_run"]["acts"][0]["event"]) == (200, "secret.created")
        sent = {"environment": "staging", "dotenv": "NEW_KEY=value-of-it"}
        assert caller.call("POST", "/secrets/import?dry_run=true", sent).json()["dry_run"] is True
        assert not Secret.objects.exists()

    @pytest.mark.parametrize("query", ["dry_run=yes", "dry_run=", "dry_run=false&dry_run=true", "Dry_run=true"])
    def test_anything_else_than_true_or_false_is_refused(self, caller, query):
        assert caller.problem("POST", f"/secrets?{query}", NEW) == (422, "invalid")
        assert not Secret.objects.exists()

    @pytest.mark.usefixtures("inline")
    def test_what_calls_an_upstream_or_reads_has_none(self, caller, owner):
        action = make_action(owner, uses="")
        for method, path in [("POST", f"/integrations/{action.id}/run"), ("GET", "/secrets")]:
            body = {"environment": "staging"} if method == "POST" else None
            assert caller.errors(method, f"{path}?dry_run=true", body) == ["dry_run"]


class TestIdempotency:
    def test_same_request_is_carried_out_once_and_answered_the_same(self, caller):
        first = caller.call("POST", "/secrets", NEW, idempotency_key=KEY)
        again = caller.call("POST", "/secrets", NEW, idempotency_key=KEY)
        assert (first.status_code, again.status_code) == (201, 201)
        assert (first.json(), first.headers["Location"]) == (again.json(), again.headers["Location"])
        assert ("Idempotency-Replayed" in first.headers, again.headers["Idempotency-Replayed"]) == (False, "true")
        assert (Secret.objects.count(), events().count("secret.created")) == (1, 1)

    def test_token_is_given_again_and_stored_sealed(self, caller):
        first = caller.call("POST", "/sessions", {"name": "call"}, idempotency_key=KEY).json()
        assert caller.call("POST", "/sessions", {"name": "call"}, idempotency_key=KEY).json() == first
        sealed = SealedText.objects.get(purpose=sealed_texts.ANSWER)
        assert first["token"].encode() not in bytes(sealed.sealed)
        row = IdempotentRequest.objects.get()
        assert all(re.fullmatch("[0-9a-f]{64}", found) for found in (row.lookup, row.fingerprint))

    def test_other_request_with_the_key_is_refused(self, caller):
        caller.call("POST", "/secrets", NEW, idempotency_key=KEY)
        other = NEW | {"value": "another-value"}
        assert caller.problem("POST", "/secrets", other, idempotency_key=KEY) == (422, "idempotency_key_reused")
        assert caller.problem("POST", "/webhooks", HOOK, idempotency_key=KEY) == (422, "idempotency_key_reused")

    def test_key_belongs_to_the_caller(self, owner, outsider):
        for actor in (owner, owner, outsider):
            Caller(key_for(actor)).call("POST", "/sessions", {"name": "call"}, idempotency_key=KEY)
        assert ApiKey.objects.exclude(parent=None).count() == 3

    def test_refused_request_may_be_sent_again(self, caller):
        for name in ("", "crm.token"):
            caller.call("POST", "/secrets", NEW | {"name": name}, idempotency_key=KEY)
        assert Secret.objects.get().name == "crm.token"

    def test_replay_is_checked_like_the_request(self, owner):
        key = key_for(owner)
        Caller(key).call("POST", "/secrets", NEW, idempotency_key=KEY)
        ApiKey.objects.filter(prefix=key[:15]).update(scopes=[Scope.SECRETS_READ.value])
        assert Caller(key).problem("POST", "/secrets", NEW, idempotency_key=KEY) == (403, "permission_denied")

    def test_after_a_day_the_key_is_free(self, caller):
        first = caller.call("POST", "/sessions", {"name": "call"}, idempotency_key=KEY).json()
        past = timezone.now() - timedelta(hours=24)
        IdempotentRequest.objects.update(created_at=past)
        SealedText.objects.update(created_at=past)
        assert caller.call("POST", "/sessions", {"name": "call"}, idempotency_key=KEY).json()["id"] != first["id"]
        sealed_texts.forget_answers()
        assert SealedText.objects.count() == 1
        assert idempotency.forget_old() == 0

    @pytest.mark.parametrize("key", ["short", "with a space in it", "x" * 256, "ä" * 10])
    def test_malformed_key_is_refused(self, caller, key):
        assert caller.errors("POST", "/secrets", NEW, idempotency_key=key) == ["Idempotency-Key"]

    def test_request_without_an_answer_is_not_repeated(self, caller):
        caller.call("POST", "/secrets", NEW, idempotency_key=KEY)
        IdempotentRequest.objects.update(status=None)
        assert caller.problem("POST", "/secrets", NEW, idempotency_key=KEY) == (409, "request_unfinished")

    @pytest.mark.usefixtures("inline")
    def test_run_is_made_once_and_nothing_of_its_answer_is_kept(self, caller, echoing):
        path, body = f"/integrations/{echoing.id}/run", {"environment": "staging"}
        first = caller.call("POST", path, body, idempotency_key=KEY)
        again = caller.call("POST", path, body, idempotency_key=KEY)
        assert (first.status_code, again.status_code, Run.objects.count()) == (200, 200, 1)
        same = ("run_id", "outcome", "status", "masked", "duration_ms")
        assert {name: first.json()[name] for name in same} == {name: again.json()[name] for name in same}
        assert (again.json()["body"], again.json()["headers"]) == (None, [])
        assert again.json()["withheld"]["code"] == "replayed"

    @pytest.mark.usefixtures("inline")
    def test_run_that_failed_is_not_made_again(self, caller, owner):
        action = make_action(owner, uses="", base_url="http://127.0.0.1:9")
        path, body = f"/integrations/{action.id}/run", {"environment": "staging"}
        first = caller.call("POST", path, body, idempotency_key=KEY).json()
        assert caller.problem("POST", path, body, idempotency_key=KEY) == (502, "upstream_unreachable")
        assert caller.call("POST", path, body, idempotency_key=KEY).json()["run_id"] == first["run_id"]
        assert Run.objects.count() == 1
