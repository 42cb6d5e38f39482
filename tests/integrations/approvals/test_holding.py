"""A call that a rule asks about: held until a person decides, made once, and never as another call than that one."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.access.api_keys import revoke_api_key
from accounts.access.callers import PresentedKey
from accounts.audit.trail import Event
from accounts.errors import NotFound, RateLimited, Unauthenticated
from accounts.models import ApiKey, AuditEvent
from accounts.waiting_mail import WaitingMail
from integrations.approvals.deciding import approve, deny
from integrations.editing.integrations import IntegrationChanges, update_integration
from integrations.errors import (
    ApprovalDenied,
    ApprovalExpired,
    ApprovalMismatch,
    ApprovalUsed,
    InvalidArguments,
    LimitReached,
)
from integrations.holding import contents, holding
from integrations.models import Approval, Integration, Run
from secrets_app.models import SealedText
from tests.factories import ApprovalFactory
from tests.support.audit import chain_holds
from tests.support.integrations.approvals import Stand
from tests.support.things import key_for

pytestmark = [pytest.mark.django_db, pytest.mark.each_database]

OTHER = {"id": "p-2"}


def pass_minutes(approval, minutes):
    """Let so much time pass for an approval."""
    moved = timedelta(minutes=minutes)
    Approval.objects.filter(pk=approval.pk).update(
        created_at=approval.created_at - moved, expires_at=approval.expires_at - moved
    )


def test_a_held_call_is_refused_recorded_and_told(stand):
    held = stand.held(reason="The patient asked for it.")
    run = Run.objects.get()
    assert (run.outcome, run.error_code, run.pk) == ("refused", "approval_needed", held.held_run_id)
    assert (held.operation, held.caller, held.reason) == ("call", "API key agent", "The patient asked for it.")
    assert held.expires_at - held.created_at == timedelta(minutes=15)
    mail = WaitingMail.objects.get()
    assert (mail.to, mail.about) == (stand.owner_email, "approval")
    assert f"/approvals/{held.pk}/" in "".join(mail.paragraphs)
    assert "p-1" not in f"{mail.subject}{mail.paragraphs}"


def test_what_it_would_send_is_sealed_and_shown_masked(stand):
    held = stand.held()
    shown = contents.opened(held)
    assert shown.params == {"id": "p-1"}
    assert shown.preview.path_and_query == "/patients/p-1"
    assert shown.preview.headers == [("Authorization", "Bearer ••••••••")]
    assert b"p-1" not in bytes(SealedText.objects.get(purpose="approval").sealed)


def test_the_same_call_finds_its_approval_and_is_made_once(stand):
    held = stand.held()
    assert stand.held() == held
    approve(actor=stand.owner, approval_id=held.pk)
    made = stand.call().run
    held.refresh_from_db()
    assert (held.state, held.calls, held.made_run_id, held.asked_again) == ("used", 1, made.id, 1)
    assert stand.held() != held
    with pytest.raises(ApprovalUsed):
        stand.call(approval=held.pk)


def test_everything_is_one_trail(stand):
    held = stand.held()
    approve(actor=stand.owner, approval_id=held.pk, note="Fine.")
    run = stand.call().run
    events = AuditEvent.objects.filter(target_id=held.pk).order_by("sequence")
    assert [(entry.event, entry.actor_label) for entry in events] == [
        (Event.APPROVAL_HELD, "API key agent"),
        (Event.APPROVAL_APPROVED, "Mara Lindqvist"),
        (Event.APPROVAL_USED, "API key agent"),
    ]
    assert {entry.data["held_run"] for entry in events} == {str(held.held_run_id)}
    assert events[2].data["run"] == str(run.id)
    assert chain_holds(stand.owner.organization)


def test_an_approval_is_for_its_caller_alone(stand):
    held = stand.held()
    approve(actor=stand.owner, approval_id=held.pk)
    stand.held(caller=PresentedKey(key_for(stand.owner), None))
    with pytest.raises(NotFound):
        stand.call(caller=PresentedKey(key_for(stand.owner), None), approval=held.pk)


def test_an_approval_for_a_while_covers_other_arguments_of_the_same_operation(stand):
    held = stand.held()
    approve(actor=stand.owner, approval_id=held.pk, minutes=30)
    for params in (OTHER, {"id": "p-3"}, OTHER):
        stand.call(params)
    held.refresh_from_db()
    assert (held.state, held.calls) == ("approved", 3)
    Approval.objects.update(decided_at=timezone.now() - timedelta(hours=1), use_before=timezone.now())
    stand.held(OTHER)


def test_a_denied_call_is_not_asked_again_within_the_hour(stand):
    held = stand.held()
    deny(actor=stand.owner, approval_id=held.pk, note="Ask Jonas.")
    with pytest.raises(ApprovalDenied, match=r"Mara Lindqvist has denied this call\. They say: Ask Jonas\."):
        stand.call()
    stand.held(OTHER)
    Approval.objects.filter(pk=held.pk).update(decided_at=timezone.now() - holding.DENIED_FOR)
    stand.held()


def test_nobody_decided_in_time(stand):
    held = stand.held()
    pass_minutes(held, 16)
    again = stand.held()
    held.refresh_from_db()
    assert (again != held, held.state) == (True, "expired")
    with pytest.raises(ApprovalExpired):
        stand.call(approval=held.pk)


def change(stand):
    changes = IntegrationChanges(description="Another one")
    update_integration(actor=stand.owner, integration_id=stand.action.pk, changes=changes)


@pytest.mark.parametrize(
    ("meanwhile", "refusal"),
    [
        (change, ApprovalMismatch),
        (lambda stand: stand.ask(minutes=5), ApprovalMismatch),
        (lambda stand: stand.set_rules(), ApprovalMismatch),
        (lambda stand: Approval.objects.update(use_before=timezone.now() - timedelta(0)), ApprovalExpired),
        (lambda stand: revoke_api_key(actor=stand.owner, key_id=ApiKey.objects.get().pk), Unauthenticated),
    ],
    ids=["the integration changed", "the rule changed", "the rule is gone", "too late", "the key was revoked"],
)
def test_an_approved_call_is_not_made_once_something_else_holds(stand, meanwhile, refusal):
    held = stand.held()
    approve(actor=stand.owner, approval_id=held.pk)
    Approval.objects.update(decided_at=timezone.now() - timedelta(minutes=1))
    meanwhile(stand)
    with pytest.raises(refusal):
        stand.call(approval=held.pk)
    held.refresh_from_db()
    assert held.calls == 0
    assert not Run.objects.filter(outcome="started").exists()


def test_an_approval_does_not_fit_other_arguments(stand):
    held = stand.held()
    approve(actor=stand.owner, approval_id=held.pk)
    with pytest.raises(ApprovalMismatch):
        stand.call(OTHER, approval=held.pk)
    stand.held(OTHER)
    stand.call()


def test_the_order_of_arguments_means_nothing_and_their_spelling_does(owner):
    number = {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "object"}}}
    stand = Stand(owner, path="/x", query=[{"name": "a", "value": "{params.a}"}], parameters=number)
    held = stand.held({"a": 1, "b": {"x": 1, "y": [2, 3]}})
    assert stand.held({"b": {"y": [2, 3], "x": 1}, "a": 1}) == held
    assert stand.held({"b": {"y": [3, 2], "x": 1}, "a": 1}) != held


def test_a_limit_that_refuses_leaves_the_approval_unused(stand):
    stand.set_rules({"decision": "ask", "limit": {"calls": 1, "per": "day"}})
    for params in (OTHER, {"id": "p-1"}):
        approve(actor=stand.owner, approval_id=stand.held(params).pk)
    stand.call(OTHER)
    with pytest.raises(LimitReached):
        stand.call()
    assert list(Approval.objects.order_by("calls").values_list("state", flat=True)) == ["approved", "used"]


def test_what_is_missing_is_said_before_a_person_is_asked(stand):
    Integration.objects.filter(pk=stand.action.pk).update(enabled=False)
    with pytest.raises(Exception, match="is disabled"):
        stand.call()
    assert not Approval.objects.exists()


def test_only_so_many_calls_of_a_key_wait(stand, monkeypatch):
    monkeypatch.setattr(holding, "MOST_WAITING", 2)
    stand.held()
    stand.held(OTHER)
    with pytest.raises(RateLimited):
        stand.call({"id": "p-3"})
    stand.held({"id": "p-3"}, caller=PresentedKey(key_for(stand.owner), None))
    stand.held(OTHER)


def test_arguments_that_nobody_can_read_are_refused(stand, monkeypatch):
    monkeypatch.setattr(contents, "MOST_BYTES", 20)
    with pytest.raises(InvalidArguments):
        stand.call()
    assert not Approval.objects.exists()


def test_named_people_are_asked_beside_owners_and_admins(stand, member, outsider):
    stand.ask(approvers=[str(member.id), str(outsider.id)])
    held = stand.held()
    assert held.asked == "Jonas Weber, or an owner or admin"
    assert held.approvers == [str(member.id)]
    assert WaitingMail.objects.get().to != stand.owner_email


@pytest.mark.parametrize(
    ("made", "changes"),
    [
        ("used", {"state": "approved", "ended_at": None}),
        ("used", {"calls": 2}),
        ("used", {"state": "waiting", "ended_at": None}),
        ("denied", {"state": "expired"}),
        ("expired", {"state": "waiting", "ended_at": None}),
        ("approved", {"state": "denied"}),
        ("waiting", {"fingerprint": "0" * 64}),
        ("waiting", {"state": "used"}),
    ],
)
def test_the_database_lets_no_approval_go_back(made, changes):
    approval = ApprovalFactory(**({} if made == "waiting" else {made: True}))
    with pytest.raises(IntegrityError), transaction.atomic():
        Approval.objects.filter(pk=approval.pk).update(**changes)


def test_the_database_lets_one_approval_of_a_call_wait():
    approval = ApprovalFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        ApprovalFactory(organization=approval.organization, fingerprint=approval.fingerprint)
    ApprovalFactory(denied=True, organization=approval.organization, fingerprint=approval.fingerprint)
