"""Calls that the server makes once they are approved, and what it does when it cannot; how long anything is kept."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from accounts.access.api_keys import revoke_api_key
from accounts.audit.trail import Event
from accounts.models import ApiKey, AuditEvent, Organization
from accounts.waiting_mail import WaitingMail
from integrations.approvals import retention
from integrations.approvals.background import attend
from integrations.approvals.deciding import approve, deny
from integrations.holding import contents
from integrations.models import Approval, Integration, Run, WhenApproved
from tests.support.integrations.approvals import Stand

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.each_database]

SERVER = WhenApproved.APPROVED


@pytest.fixture
def stand(owner, upstream):
    return Stand(owner, base_url=upstream)


def look_after():
    async_to_sync(attend)()


def state_of(held):
    held.refresh_from_db()
    return held.state, held.calls, held.error_code


def test_the_server_makes_the_call_once_it_is_approved(stand, mailoutbox):
    held = stand.held(when=SERVER)
    look_after()
    assert state_of(held) == ("waiting", 0, "")
    assert "waits for your approval" in mailoutbox[-1].subject
    approve(actor=stand.owner, approval_id=held.pk)
    look_after()
    look_after()
    assert state_of(held) == ("used", 1, "")
    run = Run.objects.get(outcome="succeeded")
    assert (run.pk, run.caller) == (held.made_run_id, "API key agent")


def test_a_caller_who_calls_again_makes_it_himself(stand):
    held = stand.held()
    approve(actor=stand.owner, approval_id=held.pk)
    look_after()
    assert state_of(held) == ("approved", 0, "")


@pytest.mark.parametrize(
    ("meanwhile", "code"),
    [
        (lambda stand: revoke_api_key(actor=stand.owner, key_id=ApiKey.objects.get().pk), "unauthenticated"),
        (lambda stand: stand.set_rules(), "approval_mismatch"),
        (lambda stand: Integration.objects.update(enabled=False), "integration_disabled"),
    ],
)
def test_a_call_that_may_not_be_made_any_more_is_given_up(stand, meanwhile, code):
    held = stand.held(when=SERVER)
    approve(actor=stand.owner, approval_id=held.pk)
    meanwhile(stand)
    look_after()
    assert state_of(held) == ("expired", 0, code)
    assert AuditEvent.objects.get(event=Event.APPROVAL_EXPIRED, target_id=held.pk).data["code"] == code
    assert not Run.objects.exclude(outcome="refused").exists()


def test_what_passes_by_itself_is_tried_again(stand):
    stand.set_rules({"decision": "ask", "limit": {"calls": 1, "per": "minute"}})
    first, second = stand.held(when=SERVER), stand.held({"id": "p-2"}, when=SERVER)
    for held in (first, second):
        approve(actor=stand.owner, approval_id=held.pk)
    look_after()
    assert sorted([state_of(first), state_of(second)]) == [("approved", 0, ""), ("used", 1, "")]


def test_a_claim_of_a_process_that_died_is_taken_over(stand):
    held = stand.held(when=SERVER)
    approve(actor=stand.owner, approval_id=held.pk)
    Approval.objects.update(claimed_until=timezone.now() + timedelta(minutes=1))
    look_after()
    assert state_of(held) == ("approved", 0, "")
    Approval.objects.update(claimed_until=timezone.now())
    look_after()
    assert state_of(held) == ("used", 1, "")


def test_what_nobody_decided_or_used_ends(stand):
    waiting, approved, while_used = (stand.held({"id": f"p-{number}"}) for number in range(3))
    for held, minutes in ((approved, None), (while_used, 10)):
        approve(actor=stand.owner, approval_id=held.pk, minutes=minutes)
    Approval.objects.filter(pk=approved.pk).update(when="retry")
    stand.call({"id": "p-2"})
    past = timezone.now() - timedelta(hours=1)
    Approval.objects.update(expires_at=past)
    Approval.objects.exclude(pk=waiting.pk).update(decided_at=past - timedelta(minutes=20), use_before=past)
    look_after()
    assert [state_of(held)[:2] for held in (waiting, approved, while_used)] == [
        ("expired", 0),
        ("expired", 0),
        ("used", 1),
    ]
    assert AuditEvent.objects.filter(event=Event.APPROVAL_EXPIRED).count() == 2
    look_after()
    assert AuditEvent.objects.filter(event=Event.APPROVAL_EXPIRED).count() == 2


def test_arguments_are_destroyed_after_the_term_of_the_organization(stand):
    held, waiting = stand.held(), stand.held({"id": "p-2"})
    deny(actor=stand.owner, approval_id=held.pk)
    Approval.objects.filter(pk=held.pk).update(ended_at=timezone.now() - timedelta(days=2))
    assert retention.destroy_contents() == 0
    Organization.objects.update(approval_days=1)
    assert retention.destroy_contents() == 1
    assert (contents.opened(held), contents.opened(waiting).params) == (None, {"id": "p-2"})
    held.refresh_from_db()
    assert held.destroyed_at is not None
    Approval.objects.filter(pk=held.pk).update(ended_at=timezone.now() - timedelta(days=4000))
    assert retention.forget_old() == 1
    assert list(Approval.objects.all()) == [waiting]
    assert WaitingMail.objects.count() == 2
