"""The audit trail: bound to the act's transaction, chained, and kept by the database itself."""

import pytest
from django.db import DatabaseError, connection, connections, transaction

from accounts.access.client_addresses import client_address
from accounts.actors import actor_for_member, actor_for_staff
from accounts.audit import trail
from accounts.common.environments import Environment
from accounts.models import AuditEvent, Membership
from tests import factories
from tests.support.audit import chain_holds

pytestmark = pytest.mark.django_db


def write(actor, **data):
    with transaction.atomic():
        return trail.record(trail.Event.SECRET_CHANGED, actor=actor, target=actor.organization, **data)


def test_event_says_who_did_what_to_which(owner):
    event = write(owner, environment=Environment.STAGING, fields=["description"])
    event.refresh_from_db()
    assert (event.actor_kind, event.actor_id, event.actor_label) == ("user", owner.id, "Mara Lindqvist")
    assert (event.event, event.target_kind, event.target_label) == ("secret.changed", "secret", "Harbor Clinics")
    assert (event.environment, event.outcome, event.data) == ("staging", "done", {"fields": ["description"]})


def test_chain_holds_over_stored_rows(owner, outsider):
    for number in range(3):
        write(owner, number=number, text='ü \u2028 "quoted"', nested={"b": [1, None], "a": True})
        write(outsider, number=number)
    assert chain_holds(owner.organization)
    assert chain_holds(outsider.organization)


@pytest.mark.parametrize(
    "address", [None, "192.0.2.7", "2001:DB8:0:0::1", "::ffff:192.0.2.7", "fe80::1%eth0", "", "unix:"]
)
def test_chain_holds_for_every_kind_of_address(owner, rf, address):
    request = rf.get("/", REMOTE_ADDR=address or "")
    membership = Membership.objects.select_related("user", "organization").get(user=owner.id)
    write(actor_for_member(membership, address=client_address(request)))
    assert chain_holds(owner.organization)


def test_staff_act_is_in_the_organizations_log(organization):
    user = factories.UserFactory(name="n" * 150)
    event = write(actor_for_staff(user, organization))
    assert (event.actor_kind, event.actor_label) == ("staff", "n" * 150 + " (staff)")
    assert chain_holds(organization)


def test_outside_a_transaction_nothing_is_recorded(owner, monkeypatch):
    monkeypatch.setattr(connections["default"], "in_atomic_block", False)
    with pytest.raises(RuntimeError):
        trail.record(trail.Event.SECRET_CHANGED, actor=owner, target=owner.organization)
    monkeypatch.undo()
    assert not AuditEvent.objects.exists()


def test_event_goes_with_an_act_that_is_rolled_back(owner):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        trail.record(trail.Event.SECRET_CHANGED, actor=owner, target=owner.organization)
        raise ZeroDivisionError
    assert not AuditEvent.objects.exists()
    write(owner)
    assert chain_holds(owner.organization)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditevent SET actor_label = 'somebody else'",
        "DELETE FROM accounts_auditevent",
        "UPDATE accounts_auditevent SET sequence = sequence + 1",
    ],
)
def test_database_refuses_to_change_or_remove_an_event(owner, statement):
    write(owner)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert chain_holds(owner.organization)


def test_database_refuses_to_empty_the_table(owner):
    write(owner)
    verb = "TRUNCATE" if connection.vendor == "postgresql" else "DELETE FROM"
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"{verb} accounts_auditevent")
    assert AuditEvent.objects.count() == 1


def test_django_cannot_change_an_event_either(owner):
    event = write(owner)
    event.actor_label = "somebody else"
    for act in (event.save, event.delete):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            act()
    assert AuditEvent.objects.get().actor_label == "Mara Lindqvist"


def test_number_is_used_once(owner):
    event = write(owner)
    event.pk, event._state.adding = None, True
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEvent.objects.bulk_create([event])


def test_tags_name_their_thing():
    things = "api_key approval endpoint integration invitation member organization secret secret_request"
    assert {event.value.split(".")[0] for event in trail.Event} == set(things.split())
