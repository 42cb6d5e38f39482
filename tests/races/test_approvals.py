"""Decisions, uses, ends and revocations at the same moment: of two, one counts, and a call is made once at most."""

from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.access.api_keys import revoke_api_key
from accounts.errors import Unauthenticated
from accounts.models import ApiKey, AuditEvent
from integrations.approvals.deciding import approve, deny
from integrations.errors import AlreadyDecided, ApprovalExpired, ApprovalMismatch, ApprovalNeeded, ApprovalUsed
from integrations.holding.expiring import expire_due
from integrations.models import Approval, Run
from tests.support.audit import chain_holds
from tests.support.integrations.approvals import Stand
from tests.support.races import assert_only

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

ROUNDS = 200


@pytest.fixture
def stand(owner):
    return Stand(owner)


def rounds(stand, *, approved):
    """An approval for each round, each of the same call: a copy of one that was held."""
    held = stand.held()
    Approval.objects.update(state="expired", ended_at=timezone.now())
    now = timezone.now()
    decided = {"state": "approved", "decided_by": "Mara", "decided_at": now, "use_before": now + timedelta(hours=1)}
    for _ in range(ROUNDS):
        held.pk, held._state.adding = uuid4(), True
        for name, value in (decided if approved else {"expires_at": now + timedelta(hours=1)}).items():
            setattr(held, name, value)
        held.save(force_insert=True)
        yield Approval(pk=held.pk, caller_id=held.caller_id)
        Approval.objects.filter(pk=held.pk, state="approved").update(state="expired", ended_at=now)


def started():
    return Run.objects.filter(outcome="started").count()


def test_of_two_decisions_one_counts(stand, owner, admin, together):
    for held in rounds(stand, approved=False):
        problems = together(
            partial(approve, actor=owner, approval_id=held.pk), partial(deny, actor=admin, approval_id=held.pk)
        )
        assert_only(problems, AlreadyDecided)
        assert problems.count(None) == 1
    assert AuditEvent.objects.filter(event__in=["approval.approved", "approval.denied"]).count() == ROUNDS
    assert chain_holds(owner.organization)


def test_a_decision_at_the_moment_of_the_end(stand, owner, together):
    for held in rounds(stand, approved=False):
        now = timezone.now()
        Approval.objects.filter(pk=held.pk).update(expires_at=now + timedelta(milliseconds=2))
        assert_only(together(partial(approve, actor=owner, approval_id=held.pk), expire_due), ApprovalExpired)
        told = AuditEvent.objects.filter(target_id=held.pk, event__in=["approval.approved", "approval.expired"])
        if not told:
            expire_due()
        held.refresh_from_db()
        assert [entry.event for entry in told.all()] == [f"approval.{held.state}"]


def test_of_calls_at_once_one_uses_an_approval(stand, together):
    for held in rounds(stand, approved=True):
        call = partial(stand.call, approval=held.pk)
        problems = together(call, call, partial(stand.call, {"id": "p-2"}, approval=held.pk))
        assert_only(problems, ApprovalUsed, ApprovalMismatch)
        assert problems.count(None) == 1
    assert started() == ROUNDS


def test_a_call_at_the_moment_its_key_is_revoked(stand, together):
    for held in rounds(stand, approved=True):
        key = ApiKey.objects.get(pk=held.caller_id)
        revoke = partial(revoke_api_key, actor=stand.owner, key_id=key.pk)
        assert_only(together(partial(stand.call, approval=held.pk), revoke), Unauthenticated)
        key.refresh_from_db()
        used = Approval.objects.get(pk=held.pk).used_at
        assert used is None or used <= key.revoked_at
        ApiKey.objects.filter(pk=key.pk).update(revoked_at=None)
    assert started() == Approval.objects.filter(state="used").count()


def test_the_same_call_at_once_waits_once(stand, together):
    for _ in range(ROUNDS):
        assert_only(together(stand.call, stand.call), ApprovalNeeded)
        Approval.objects.filter(state="waiting").update(state="expired", ended_at=timezone.now())
    assert Approval.objects.count() == ROUNDS
    assert AuditEvent.objects.filter(event="approval.held").count() == ROUNDS
