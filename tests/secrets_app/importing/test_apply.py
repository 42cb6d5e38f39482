"""Import of a `.env` text: what works, who may not, what is refused; all of it or nothing."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.audit import trail
from accounts.common.environments import Environment
from accounts.errors import EditConflict, Invalid, PermissionDenied
from accounts.models import AuditEvent
from integrations.models import SecretReference
from secrets_app.editing import secrets
from secrets_app.editing.edits import SecretChanges
from secrets_app.errors import ValueTooShort
from secrets_app.importing import apply as importing
from secrets_app.importing import dotenv
from secrets_app.importing.apply import apply_import, check_import
from secrets_app.importing.plan import ImportChoices, LineAction
from secrets_app.inventory import inventory
from secrets_app.models import Secret, SecretValue
from secrets_app.plaintext import Plaintext
from tests.support.audit import chain_holds
from tests.support.databases.stored_values import stored_values
from tests.support.things import (
    VALUE,
    actor_for_staging_key,
    make_action,
    store_secret,
)

pytestmark = pytest.mark.django_db

D, S, P = Environment
TEXT = "HUBSPOT_API_KEY='value-of-hubspot'\nexport crm.apiKey=value-of-the-crm\n"


def check(actor, text, environment=S, **choices):
    return check_import(actor=actor, environment=environment, text=Plaintext(text), choices=ImportChoices(**choices))


def apply(actor, text, environment=S, expected=None, **choices):
    return apply_import(
        actor=actor, environment=environment, text=Plaintext(text), choices=ImportChoices(**choices), expected=expected
    )


def fates(report):
    return [(line.number, line.name, line.act.value) for line in report.lines]


def reasons(report):
    return {line.number: line.reason for line in report.of(LineAction.REFUSED)}


def counted():
    return Secret.objects.count(), SecretValue.objects.count(), AuditEvent.objects.count()


# What works


def test_names_become_secrets_or_get_a_new_value_in_one_environment(owner):
    secret = store_secret(owner)
    report = apply(owner, TEXT)
    assert fates(report) == [(1, "HUBSPOT_API_KEY", "created"), (2, "crm.apiKey", "replaced")]
    assert stored_values(secret) == {D: (1, VALUE), S: (2, "value-of-the-crm"), P: (1, VALUE)}
    assert stored_values(Secret.objects.get(name="HUBSPOT_API_KEY")) == {S: (1, "value-of-hubspot")}
    destroyed = SecretValue.objects.get(secret=secret, environment="staging", version=1)
    assert (destroyed.state, destroyed.sealed) == ("destroyed", None)


def test_dry_run_tells_the_same_and_writes_nothing(owner):
    store_secret(owner)
    before = counted()
    report = check(owner, TEXT)
    assert counted() == before
    assert fates(report) == fates(apply(owner, TEXT, expected=report.token))


def test_each_secret_has_its_event_as_if_entered_by_hand(owner):
    secret = store_secret(owner)
    before = AuditEvent.objects.count()
    apply(owner, TEXT)
    events = list(AuditEvent.objects.order_by("sequence")[before:])
    assert [(event.event, event.target_label, event.environment) for event in events] == [
        ("secret.created", "HUBSPOT_API_KEY", "staging"),
        ("secret.changed", "crm.apiKey", "staging"),
    ]
    assert events[1].data["version"] == 2
    assert (events[1].target_id, events[1].data["values"]) == (secret.id, ["staging"])
    assert events[0].data["import"] == events[1].data["import"]
    assert chain_holds(owner.organization)


def test_somebody_who_edits_a_secret_meanwhile_is_told(owner):
    secret = store_secret(owner)
    apply(owner, TEXT)
    with pytest.raises(EditConflict):
        secrets.update_secret(
            actor=owner, secret_id=secret.id, changes=SecretChanges(description="x"), expected_version=1
        )


def test_references_that_wait_for_the_names_are_bound(owner, outsider):
    make_action(owner, uses="HUBSPOT_API_KEY")
    make_action(owner, "Waits on", uses="other.key")
    make_action(outsider, uses="HUBSPOT_API_KEY")
    apply(owner, TEXT)
    bound = SecretReference.objects.get(organization=owner.organization, name="HUBSPOT_API_KEY")
    assert bound.secret == Secret.objects.get(name="HUBSPOT_API_KEY")
    assert SecretReference.objects.filter(secret=None).count() == 2


def test_domains_switch_and_description_of_a_secret_stay(owner):
    secret = store_secret(owner, description="CRM", allowed_domains=["api.example.com"])
    secrets.set_enabled(actor=owner, secret_id=secret.id, enabled=False)
    report = apply(owner, TEXT)
    row = inventory.one(owner.organization, secret.id)
    assert (row.enabled, row.description, row.allowed_domains) == (False, "CRM", ["api.example.com"])
    assert report.lines[1].reason == "It is disabled and stays so."


def test_secret_without_a_value_there_gets_its_first(owner):
    secret = store_secret(owner, environments=[P])
    report = apply(owner, TEXT)
    assert report.lines[1].reason == "It has no Staging value yet."
    assert stored_values(secret) == {P: (1, VALUE), S: (1, "value-of-the-crm")}


def test_last_of_equal_names_counts_and_the_others_are_skipped(owner):
    report = apply(owner, "A.KEY=first-value\nB.KEY=other-value\nA.KEY=second-value")
    assert fates(report) == [(1, "A.KEY", "skipped"), (2, "B.KEY", "created"), (3, "A.KEY", "created")]
    assert report.lines[0].reason == "Line 3 has the same name. The last one counts."
    assert stored_values(Secret.objects.get(name="A.KEY")) == {S: (1, "second-value")}


def test_last_of_equal_names_counts_when_it_is_empty_too(owner):
    assert fates(check(owner, "A=first-value\nA=")) == [(1, "A", "skipped"), (2, "A", "skipped")]


def test_empty_values_are_skipped_and_a_stored_value_stays(owner):
    secret = store_secret(owner)
    assert fates(apply(owner, "crm.apiKey=\nOTHER=''")) == [(1, "crm.apiKey", "skipped"), (2, "OTHER", "skipped")]
    assert stored_values(secret)[S] == (1, VALUE)
    assert AuditEvent.objects.filter(event="secret.changed").count() == 0


def test_warnings_are_those_of_the_secret_form(owner):
    report = check(owner, "TOKEN_X='Bearer abcdef-123456'\nPIN_X=1234567890\n")
    assert [[warning.code for warning in line.warnings] for line in report.lines] == [["scheme"], ["digits"]]


def test_other_name_or_leaving_out_settles_a_refused_line(owner):
    text = "2FA_SEED=value-of-the-seed\nDEBUG=1\nGOOD_KEY=value-that-is-good"
    refused = check(owner, text)
    assert [(line.number, line.code, line.proposed) for line in refused.of(LineAction.REFUSED)] == [
        (1, "invalid", "FA_SEED"),
        (2, "value_too_short", ""),
    ]
    report = apply(owner, text, names={"2FA_SEED": "SEED_2FA"}, left_out=frozenset({"DEBUG"}))
    assert fates(report) == [(1, "SEED_2FA", "created"), (2, "DEBUG", "skipped"), (3, "GOOD_KEY", "created")]


def test_short_values_are_taken_when_the_person_says_so(owner):
    apply(owner, "DEBUG=1", allow_short=True)
    assert stored_values(Secret.objects.get(name="DEBUG")) == {S: (1, "1")}


def test_two_thousand_lines_cost_a_constant_number_of_statements(owner):
    def statements(number):
        text = "".join(f"SERVICE_{number}_{n}='value-of-service-{n}'\n" for n in range(number))
        with CaptureQueriesContext(connection) as few:
            check(owner, text)
        with CaptureQueriesContext(connection) as all_of_them:
            apply(owner, text)
        return len(few), len(all_of_them)

    small, large = statements(3), statements(2000)
    batches = 0 if connection.vendor == "postgresql" else 100  # SQLite takes so many values in one statement
    assert small[0] == large[0] <= 4
    assert large[1] <= small[1] + batches
    assert Secret.objects.count() == 2003


# Who may not


def test_member_and_key_outside_its_environments(owner, member):
    for actor, environment in ((member, S), (actor_for_staging_key(owner), P)):
        for act in (check, apply):
            with pytest.raises(PermissionDenied):
                act(actor, TEXT, environment)
    assert Secret.objects.count() == 0
    assert fates(apply(actor_for_staging_key(owner), TEXT))[0][2] == "created"


def test_secret_of_another_organization_is_not_looked_at(owner, outsider):
    foreign = store_secret(outsider)
    assert fates(apply(owner, TEXT))[1][2] == "created"
    assert stored_values(foreign)[S] == (1, VALUE)


# What is refused

REFUSED = {
    "bad name": "2FA=value-of-it-1",
    "generic but valid is fine, this is not": "api key=value-of-it-1",
    "short value": "SHORT=1234567",
    "too long value": "LONG=" + "x" * 65_537,
    "NUL in a value": "NUL='value\0of-it-1'",
    "half a pair in a value": "HALF='value\ud800of-it-1'",
    "no sign": "just a line",
    "unclosed quote": "OPEN='value-of-it-1",
}


@pytest.mark.parametrize("line", REFUSED.values(), ids=REFUSED)
def test_one_refused_line_stops_all_of_them(owner, line):
    store_secret(owner)
    before = counted()
    with pytest.raises(Invalid) as refusal:
        apply(owner, TEXT + line)
    assert counted() == before
    assert [error.field for error in refusal.value.errors] == ["dotenv"]
    assert refusal.value.errors[0].message.startswith("Line 3")
    assert "value-of-it" not in refusal.value.errors[0].message


def test_only_short_values_have_their_own_code(owner):
    with pytest.raises(ValueTooShort):
        apply(owner, "A=1\nB=2")


def test_names_that_differ_only_in_case_are_refused(owner):
    store_secret(owner, "crm.apikey")
    report = check(owner, "ONE_KEY=value-of-it-1\none_key=value-of-it-2\ncrm.apiKey=value-of-it-3")
    assert reasons(report) == {
        1: "Lines 1 and 2 would have the same name, or names that differ only in case. Keep one.",
        2: "Lines 1 and 2 would have the same name, or names that differ only in case. Keep one.",
        3: "There is a secret called crm.apikey. Names may not differ only in case.",
    }
    assert report.lines[2].proposed == "crm.apikey"
    taken = check(owner, "crm.apiKey=value-of-it-3", names={"crm.apiKey": "crm.apikey"})
    assert fates(taken) == [(1, "crm.apikey", "replaced")]


def test_two_names_changed_into_one_are_refused(owner):
    report = check(owner, "A.KEY=value-of-it-1\nB.KEY=value-of-it-2", names={"A.KEY": "B.KEY"})
    assert set(reasons(report)) == {1, 2}


def test_apply_is_held_to_what_the_check_showed(owner):
    token = check(owner, TEXT).token
    store_secret(owner)
    with pytest.raises(EditConflict):
        apply(owner, TEXT, expected=token)
    token = check(owner, TEXT).token
    with pytest.raises(EditConflict):
        apply(owner, TEXT, P, expected=token)
    secrets.update_secret(
        actor=owner, secret_id=Secret.objects.get().id, changes=SecretChanges(values={S: Plaintext("newer-value")})
    )
    with pytest.raises(EditConflict):
        apply(owner, TEXT, expected=token)
    assert Secret.objects.count() == 1


@pytest.mark.parametrize(
    "text",
    [
        "#" + "x" * dotenv.MAX_BYTES,
        "A=value-of-it\n" * (dotenv.MAX_ENTRIES + 1),
        "no sign\n" * (dotenv.MAX_ENTRIES + 1),
    ],
)
def test_text_that_is_too_large_is_refused(owner, text):
    with pytest.raises(Invalid) as refusal:
        check(owner, text)
    assert "Import it in parts." in refusal.value.errors[0].message


def test_name_that_is_taken_at_this_very_moment(owner, monkeypatch):
    report = check(owner, TEXT)
    store_secret(owner, "hubspot_api_key")
    before = counted()
    monkeypatch.setattr(importing, "plan", lambda *args, **kwargs: report)
    with pytest.raises(Invalid) as refusal:
        apply(owner, TEXT)
    assert "just taken" in refusal.value.errors[0].message
    assert counted() == before


def test_import_without_its_events_did_not_happen(owner, monkeypatch):
    store_secret(owner)
    before = counted()

    class Broken(Exception):
        pass

    def fail(*args, **kwargs):
        raise Broken

    monkeypatch.setattr(trail.AuditEvent.objects, "bulk_create", fail)
    with pytest.raises(Broken):
        apply(owner, TEXT)
    assert counted() == before
    assert Secret.objects.get().version == 1


def test_report_does_not_show_values(owner):
    assert "value-of" not in repr(check(owner, TEXT))
