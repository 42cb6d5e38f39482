"""Who decides on a held call, who may not, what is malformed; what each sees of it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.access.callers import PresentedKey, actor_of_key
from accounts.actors import actor_for_command
from accounts.errors import Invalid, NotFound, PermissionDenied, ProofNeeded
from accounts.models import ApiKey
from integrations.approvals import reading
from integrations.approvals.deciding import approve, deny
from integrations.editing.integrations import IntegrationChanges, update_integration
from integrations.errors import AlreadyDecided, ApprovalExpired, ApprovalMismatch
from integrations.models import Approval
from tests.factories import ApprovalFactory
from tests.support.things import key_for

pytestmark = [pytest.mark.django_db, pytest.mark.each_database]


def test_an_owner_an_admin_and_a_named_member_decide(stand, owner, admin, member):
    stand.ask(approvers=[str(member.id)])
    for number, person in enumerate((owner, admin, member)):
        held = stand.held({"id": f"p-{number}"})
        assert approve(actor=person, approval_id=held.pk, note="Fine.").decided_by == person.label


def test_a_member_sees_only_what_names_them(stand, member):
    unseen = stand.held()
    stand.ask(approvers=[str(member.id)])
    seen = stand.held()
    assert reading.page(member, reading.WAITING).items == [seen]
    assert (reading.count_waiting(member), reading.count_waiting(stand.owner)) == (1, 2)
    with pytest.raises(NotFound):
        deny(actor=member, approval_id=unseen.pk)


def test_a_stranger_a_key_and_a_command_do_not_decide(stand, outsider):
    held = stand.held()
    with pytest.raises(NotFound):
        approve(actor=outsider, approval_id=held.pk)
    command = actor_for_command(stand.owner.organization, "shell")
    for actor in (actor_of_key(stand.key.text, address=None), command):
        for decide in (approve, deny):
            with pytest.raises(PermissionDenied):
                decide(actor=actor, approval_id=held.pk)


def test_four_eyes_want_somebody_else_than_the_caller_and_the_maker_of_the_key(stand, owner, admin):
    stand.ask(four_eyes=True)
    for caller in (owner, stand.key):
        held = stand.held(caller=caller)
        assert reading.held_call(owner, held).why_not
        with pytest.raises(PermissionDenied, match="wants somebody else"):
            approve(actor=owner, approval_id=held.pk)
        assert not reading.held_call(admin, held).why_not
        approve(actor=admin, approval_id=held.pk)
    own = stand.held({"id": "p-2"}, caller=owner)
    deny(actor=owner, approval_id=own.pk)


def test_a_rule_that_wants_a_proof_gets_one(stand, owner):
    stand.ask(proof=True)
    held = stand.held()
    with pytest.raises(ProofNeeded):
        approve(actor=replace(owner, proven=False), approval_id=held.pk)
    approve(actor=owner, approval_id=held.pk)


@pytest.mark.parametrize(
    ("decision", "field"),
    [
        ({"minutes": 61}, "minutes"),
        ({"minutes": 0}, "minutes"),
        ({"note": "x" * 501}, "note"),
        ({"note": "\0"}, "note"),
    ],
)
def test_a_malformed_decision_names_its_field(stand, owner, decision, field):
    held = stand.held()
    with pytest.raises(Invalid) as refused:
        approve(actor=owner, approval_id=held.pk, **decision)
    assert [error.field for error in refused.value.errors] == [field]


def test_a_rule_without_a_while_asks_for_each_call(stand, owner):
    stand.ask(for_a_while=0)
    with pytest.raises(Invalid):
        approve(actor=owner, approval_id=stand.held().pk, minutes=1)


def test_the_second_decision_is_told_of_the_first(stand, owner, admin):
    held = stand.held()
    approve(actor=owner, approval_id=held.pk)
    for decide in (approve, deny):
        with pytest.raises(AlreadyDecided, match=r"^Mara Lindqvist has approved this call already\.$"):
            decide(actor=admin, approval_id=held.pk)


def test_a_decision_can_come_too_late(stand, owner):
    held = stand.held()
    past = timezone.now() - timedelta(seconds=1)
    Approval.objects.update(created_at=past - timedelta(minutes=15), expires_at=past)
    with pytest.raises(ApprovalExpired):
        approve(actor=owner, approval_id=held.pk)
    assert reading.page(owner, reading.WAITING).items == []
    assert reading.held_call(owner, reading.fetch(owner, held.pk)).state == "expired"


def test_what_has_changed_cannot_be_approved_and_can_be_denied(stand, owner):
    held = stand.held()
    changes = IntegrationChanges(description="Another one")
    update_integration(actor=owner, integration_id=stand.action.pk, changes=changes)
    with pytest.raises(ApprovalMismatch):
        approve(actor=owner, approval_id=held.pk)
    deny(actor=owner, approval_id=held.pk)


def test_a_page_of_the_list_is_followed_by_the_next(owner):
    made = [ApprovalFactory(organization=owner.organization) for _ in range(3)]
    ApprovalFactory()
    first = reading.page(owner, limit=2)
    assert [*first.items, *reading.page(owner, cursor=first.next_cursor, limit=2).items] == made[::-1]
    with pytest.raises(Invalid):
        reading.page(owner, cursor="x")


def test_a_key_sees_its_own_calls(stand):
    held = stand.held()
    mine, others = (actor_of_key(text, address=None) for text in (stand.key.text, key_for(stand.owner)))
    assert reading.page(mine).items == [held]
    assert reading.page(others).items == []
    assert PresentedKey(stand.key.text, None) == stand.key
    assert ApiKey.objects.count() == 2
