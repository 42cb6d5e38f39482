"""Refused attempts in the audit log: which are told, what of them, and that nobody can fill the log with them."""

import inspect
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connections, transaction
from django.test import Client
from django.utils import timezone

from accounts.access.checks import operations, routes
from accounts.access.route_permissions import permission_of
from accounts.audit import refused_attempts, wording
from accounts.audit.refused_attempts import AttemptTarget, RefusedAttempt
from accounts.audit.trail import Event
from accounts.common.environments import Environment
from accounts.errors import Invalid, PermissionDenied
from accounts.models import AuditEvent, AuditHead, Membership, RefusedAttempts, User
from accounts.policy import Role, Scope
from config.refused_attempts import EVENT_OF_VIEW
from tests.fixtures.api import Caller
from tests.fixtures.browsers import browser_of
from tests.support.audit import chain_holds
from tests.support.databases.undone import failures
from tests.support.things import VALUE, key_for, make_action, make_connector, store_secret
from tests.support.web.access_table import TABLE, WITH_ID, address, ids_of

pytestmark = pytest.mark.django_db

CHANGE_NOTHING = {
    "integrations.api.imports.preview_import",
    "integrations.api.imports.preview_import_update",
    "integrations.api.rules.try_rules",
    "integrations.web.rules.pages.attempt",
    "secrets_app.web.secrets.check_name",
    "secrets_app.web.secrets.check_form",
    "integrations.web.overview.page.hide_steps",
    "integrations.web.runs.showing.again",
    "secrets_app.web.requests.check_name",
    "secrets_app.web.renaming.impact",
    "integrations.web.secrets.rotation.check",
    "integrations.web.secrets.rotation.check_one",
    "integrations.api.rotation.check_staged_value",
    "integrations.web.paste_guard.in_new",
    "integrations.web.paste_guard.in_stored",
    "integrations.web.editing.domain_check",
    "integrations.web.agents.connecting.tools",
    "integrations.web.agents.keys.choices",
    "config.api.agents.answer_agent",
    # runs, and calls of other servers, are in the run ledger
    "integrations.web.checking.check",
    "integrations.web.testing.test",
    "integrations.web.tools.listing",
    "integrations.api.configuration.plan_configuration",
    "integrations.api.integrations.run_integration",
    "integrations.api.integrations.test_integration",
    "integrations.api.tools.list_offered_tools",
    "integrations.api.webhooks.test_webhook",
    "integrations.api.webhooks.redeliver",
    "integrations.web.alerts.endpoints.test",
    "integrations.web.alerts.deliveries.again",
}


def view_name(view):
    return f"{view.__module__}.{view.__qualname__}"


def changing_views():
    """Every page that takes a form and every operation that is no GET, of those that need a permission."""
    for pattern, view, staff in routes():
        permission = permission_of(view)
        if not staff and permission and permission.permission and TABLE.get(("POST", pattern), (405,))[0] != 405:
            yield view_name(view)
        for operation in operations(view):
            if set(operation.methods) - {"GET"}:
                yield view_name(operation.view_func)


def refused(organization):
    return list(AuditEvent.objects.filter(organization_id=organization.id, outcome="refused").order_by("sequence"))


def attempt(actor, event=Event.SECRET_DELETED):
    return RefusedAttempt(actor, event, AttemptTarget(uuid4(), "crm.apiKey"))


def try_often(actor, times, **more):
    for _ in range(times):
        refused_attempts.record_refusal(
            attempt(actor, **more), PermissionDenied("This needs the permission secrets.write.")
        )


# What is told


def test_every_door_that_changes_something_has_its_event():
    assert set(changing_views()) == set(EVENT_OF_VIEW) | CHANGE_NOTHING
    assert not set(EVENT_OF_VIEW) & CHANGE_NOTHING


def test_no_asynchronous_door_changes_anything():
    """Noting an attempt writes to the database at once, which an asynchronous operation must not."""
    found = [operation.view_func for _, view, _ in routes() for operation in operations(view)]
    waiting = {view_name(view) for view in found if inspect.iscoroutinefunction(view)}
    assert waiting
    assert not waiting & set(EVENT_OF_VIEW)


MEMBERS_ROWS = [row for row in TABLE if row[0] == "POST" and TABLE[row][2] == 403]


@pytest.mark.sqlite
def test_what_a_member_may_not_do_is_told_when_it_is_tried(owner, member):
    ids, browser = ids_of(owner), browser_of(member)
    views = {pattern: view_name(view) for pattern, view, _ in routes() if ("POST", pattern) in MEMBERS_ROWS}

    def told(row):
        assert browser.post(address(row[1], ids), REMOTE_ADDR="192.0.2.7").status_code == 403
        events = refused(owner.organization)
        event = EVENT_OF_VIEW.get(views[row[1]])
        expected = [(event, "Jonas Weber", "192.0.2.7", "permission_denied")] if event else []
        assert [(row.event, row.actor_label, row.address, row.data["code"]) for row in events] == expected

    assert MEMBERS_ROWS
    assert failures(MEMBERS_ROWS, told) == {}


def test_attempt_names_who_what_and_why(owner, member):
    secret = store_secret(owner)
    browser_of(member).post(f"/o/harbor-clinics/secrets/{secret.id}/delete/", {"confirm": "crm.apiKey"})
    event = refused(owner.organization)[0]
    assert (event.event, event.target_kind, event.target_id, event.target_label) == (
        ("secret.deleted", "secret", secret.id, "crm.apiKey")
    )
    assert (event.actor_kind, event.actor_id) == ("user", member.id)
    assert event.data == {"code": "permission_denied", "reason": "This needs the permission secrets.write."}
    assert chain_holds(owner.organization)
    call_command("verify_audit")


CALLS = [
    ("POST", "/secrets", {"name": "a.b", "value": VALUE}, "secret.created"),
    ("PATCH", "/secrets/{secret_id}", {}, "secret.changed"),
    ("DELETE", "/secrets/{secret_id}", None, "secret.deleted"),
    ("PUT", "/secrets/{secret_id}/rotation/staging", {"value": VALUE}, "secret.staged"),
    ("DELETE", "/secrets/{secret_id}/rotation/staging", None, "secret.staged_discarded"),
    ("PATCH", "/integrations/{integration_id}", {}, "integration.changed"),
    ("DELETE", "/integrations/{integration_id}", None, "integration.deleted"),
    ("POST", "/integrations/{integration_id}/tools/withdraw", {"name": "search"}, "integration.tool_withdrawn"),
]


@pytest.mark.sqlite
@pytest.mark.parametrize(("method", "path", "body", "event"), CALLS)
def test_key_without_the_scope_is_told(owner, method, path, body, event):
    ids = ids_of(owner)
    caller = Caller(key_for(owner, Scope.AUDIT_READ))
    assert caller.problem(method, path.format(**ids), body) == (403, "permission_denied")
    told = refused(owner.organization)
    assert [(row.event, row.actor_kind, row.actor_label) for row in told] == [(event, "api_key", "API key agent")]
    assert VALUE not in json.dumps(told[0].data)


def test_key_out_of_its_environment_is_told_with_the_environment(owner):
    secret = store_secret(owner)
    caller = Caller(key_for(owner, environments=[Environment.STAGING]))
    path = f"/secrets/{secret.id}/rotation/production"
    assert caller.problem("PUT", path, {"value": "another-value-0815"}) == (403, "permission_denied")
    event = refused(owner.organization)[0]
    assert (event.event, event.environment, event.target_label) == ("secret.staged", "production", "crm.apiKey")
    assert event.data["reason"] == "This API key may not act in production."


def test_session_without_a_recent_proof_is_told_when_it_acts_and_not_when_it_looks(owner):
    client = Client()
    client.force_login(User.objects.get(pk=owner.id))
    for method in (client.get, client.post):
        assert method("/o/harbor-clinics/api-keys/new/").status_code in {302, 403}
    assert [(row.event, row.data["code"]) for row in refused(owner.organization)] == [
        ("api_key.created", "proof_needed")
    ]


@pytest.mark.sqlite
def test_deletion_of_what_is_in_use_is_told(owner):
    secret = store_secret(owner)
    connector = make_connector(owner)
    make_action(owner, auth_connector=str(connector.id), uses="")
    browser, caller = browser_of(owner), Caller(key_for(owner))
    paths = [f"secrets/{secret.id}", f"integrations/{connector.id}"]
    for path in paths:
        assert browser.post(f"/o/harbor-clinics/{path}/delete/", {"confirm": "crm.apiKey"}).status_code == 409
        assert caller.problem("DELETE", f"/{path}")[0] == 409
    assert [(row.event, row.actor_kind, row.data["code"]) for row in refused(owner.organization)] == [
        ("secret.deleted", "user", "secret_in_use"),
        ("secret.deleted", "api_key", "secret_in_use"),
        ("integration.deleted", "user", "integration_in_use"),
        ("integration.deleted", "api_key", "integration_in_use"),
    ]


@pytest.mark.sqlite
def test_page_says_who_tried_what_and_filters_by_outcome(owner, member):
    store_secret(owner, "crm.token")
    secret = store_secret(owner)
    browser_of(member).post(f"/o/harbor-clinics/secrets/{secret.id}/delete/")
    browser_of(member).post("/o/harbor-clinics/secrets/new/", {"name": "x"})
    page = browser_of(owner).get("/o/harbor-clinics/audit/?outcome=refused").content.decode()
    assert page.count('class="expander"') == 2
    assert 'Tried to delete secret <a class="plain mono strong"' in page
    assert "Tried to create secret</span>" in page
    assert "This needs the permission secrets.write." in page
    assert '<input type="radio" name="outcome" value="refused" checked>' in page
    done = browser_of(owner).get("/o/harbor-clinics/audit/?outcome=done").content.decode()
    assert done.count('class="expander"') == 2
    assert "Tried to" not in done
    assert browser_of(owner).get("/o/harbor-clinics/audit/?outcome=maybe").status_code == 422


@pytest.mark.sqlite
def test_program_filters_by_outcome_in_every_form(owner, member):
    secret = store_secret(owner)
    browser_of(member).post(f"/o/harbor-clinics/secrets/{secret.id}/delete/")
    caller = Caller(key_for(owner))
    assert [item["event"] for item in caller.get("/audit-events?outcome=refused")["items"]] == ["secret.deleted"]
    assert len(caller.get("/audit-events?outcome=done")["items"]) == 2
    assert caller.errors("GET", "/audit-events?outcome=maybe") == ["outcome"]
    for media in ("text/csv", "application/x-ndjson"):
        text = caller.call("GET", "/audit-events?outcome=refused", accept=media).getvalue().decode()
        assert "permission_denied" in text
        assert "secret.created" not in text


def test_every_act_that_can_be_refused_has_words_for_an_attempt():
    firsts = {wording.sentence(event).partition(" ")[0] for event in EVENT_OF_VIEW.values()}
    assert firsts == set(wording.INFINITIVES)
    assert wording.attempt_sentence("secret.rolled_back") == "Tried to roll back the value of"


def test_event_without_words_is_an_attempt_all_the_same(monkeypatch):
    monkeypatch.delitem(wording.SENTENCES, "secret.created")
    assert wording.attempt_sentence("secret.created") == "Tried, and was refused: Created: "


# What is not told


@pytest.mark.sqlite
def test_reading_a_page_is_no_attempt(owner, member):
    secret = store_secret(owner)
    for path in ("secrets/new/", f"secrets/{secret.id}/delete/", "audit/", "api-keys/"):
        assert browser_of(member).get(f"/o/harbor-clinics/{path}").status_code == 403
    Caller(key_for(owner, Scope.RUN)).problem("GET", "/audit-events")
    assert refused(owner.organization) == []


def test_form_that_needs_correcting_is_no_attempt(owner):
    assert browser_of(owner).post("/o/harbor-clinics/secrets/new/", {"name": "-"}).status_code == 422
    Caller(key_for(owner)).errors("POST", "/secrets", {"name": "-"})
    refused_attempts.record_refusal(attempt(owner), Invalid("The secret was not saved."))
    assert refused(owner.organization) == []


def test_two_people_saving_at_once_is_no_attempt(owner):
    secret = store_secret(owner)
    path = f"/secrets/{secret.id}"
    assert Caller(key_for(owner)).problem("PATCH", path, {"description": "x"}, if_match='"7"')[0] == 412
    assert refused(owner.organization) == []


@pytest.mark.sqlite
def test_stranger_leaves_nothing_in_the_log(owner, outsider):
    ids, browser = ids_of(owner), browser_of(outsider)

    def untold(row):
        for slug in (ids["slug"], outsider.organization.slug):
            assert browser.post(address(row[1], ids | {"slug": slug})).status_code == 404
        assert not AuditEvent.objects.filter(outcome="refused").exists()

    assert failures([row for row in WITH_ID if row[0] == "POST"], untold) == {}


def test_thing_of_another_organization_is_not_named(owner, member, outsider):
    theirs = store_secret(outsider, "theirs.key")
    browser_of(member).post(f"/o/harbor-clinics/secrets/{theirs.id}/delete/")
    event = refused(owner.organization)[0]
    assert (event.target_id, event.target_label) == (theirs.id, "")
    assert refused(outsider.organization) == []
    page = browser_of(owner).get("/o/harbor-clinics/audit/?outcome=refused").content.decode()
    assert str(theirs.id) in page
    assert "theirs.key" not in page


def test_nobody_without_a_key_or_a_session_leaves_anything(owner):
    secret = store_secret(owner)
    assert Client().delete(f"/api/v1/secrets/{secret.id}").status_code == 401
    assert Client().post(f"/o/harbor-clinics/secrets/{secret.id}/delete/").status_code == 302
    assert refused(owner.organization) == []


# How many


@pytest.mark.sqlite
def test_flood_leaves_ten_events_and_then_one_at_each_power_of_ten(owner, member):
    try_often(member, 1000)
    told = refused(owner.organization)
    assert [event.data.get("attempts") for event in told] == [None] * 10 + [100, 1000]
    assert chain_holds(owner.organization)


def test_next_hour_starts_anew(owner, member):
    try_often(member, 20)
    RefusedAttempts.objects.update(hour=timezone.now() - timedelta(hours=2))
    try_often(member, 20)
    assert len(refused(owner.organization)) == 20


def test_flood_of_one_hides_neither_another_person_nor_another_act(owner, member, admin):
    try_often(member, 50)
    try_often(admin, 1)
    try_often(member, 1, event=Event.API_KEY_CREATED)
    last = refused(owner.organization)[-2:]
    assert [(event.actor_label, event.event) for event in last] == [
        ("Tomás Ferreira", "secret.deleted"),
        ("Jonas Weber", "api_key.created"),
    ]


def test_counters_of_old_hours_are_dropped_by_housekeeping(owner, member):
    try_often(member, 1)
    try_often(member, 1, event=Event.API_KEY_CREATED)
    old = RefusedAttempts.objects.filter(event="secret.deleted")
    old.update(hour=timezone.now() - timedelta(days=3))
    call_command("housekeeping")
    assert list(RefusedAttempts.objects.values_list("event", flat=True)) == ["api_key.created"]


# With other things


def test_attempt_that_cannot_be_told_is_refused_all_the_same(owner, member, monkeypatch):
    def fail(self, *args, **kwargs):
        raise RuntimeError("broken")

    secret = store_secret(owner)
    browser = browser_of(member)
    browser.raise_request_exception = False
    monkeypatch.setattr(AuditEvent, "save", fail)
    assert browser.post(f"/o/harbor-clinics/secrets/{secret.id}/delete/").status_code == 500
    secret.refresh_from_db()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_many_at_once_are_counted_exactly_on_postgresql(owner, member):
    def one(_):
        try_often(member, 5)
        connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(24)))
    assert RefusedAttempts.objects.get().number == 120
    assert [event.data.get("attempts") for event in refused(owner.organization)] == [None] * 10 + [100]
    assert chain_holds(owner.organization)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_untold_attempts_do_not_wait_for_the_log_on_postgresql(owner, member):
    try_often(member, 10)
    done = threading.Event()

    def flood():
        try_often(member, 5)
        connections.close_all()
        done.set()

    with transaction.atomic():
        AuditHead.objects.select_for_update().get(pk=owner.organization.id)
        thread = threading.Thread(target=flood)
        thread.start()
        assert done.wait(timeout=10)
    thread.join()


def test_role_that_changed_counts_at_once(owner, member):
    browser = browser_of(member)
    Membership.objects.filter(user=member.id).update(role=Role.ADMIN)
    secret = store_secret(owner)
    browser.post(f"/o/harbor-clinics/secrets/{secret.id}/delete/", {"confirm": "crm.apiKey"})
    assert refused(owner.organization) == []
