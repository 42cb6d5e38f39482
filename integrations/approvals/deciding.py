"""Deciding on a held call: only people do, and of two at the same moment one."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.actors import Actor, ActorKind
from accounts.audit import trail
from accounts.audit.trail import Event
from accounts.common.environments import Environment
from accounts.common.texts import problem_with_text
from accounts.errors import FieldError, Invalid, PermissionDenied, ProofNeeded, Refusal
from integrations.approvals.reading import fetch, why_not_approve
from integrations.errors import AlreadyDecided, ApprovalExpired, ApprovalMismatch
from integrations.holding.fingerprints import basis_of
from integrations.models import Approval, ApprovalState, Integration

USABLE_FOR = timedelta(minutes=15)
"""How long an approved call may still be made."""
NOTE_LENGTH = Approval._meta.get_field("note").max_length or 500
NOT_DECIDED = "Nothing was decided."


def approve(*, actor: Actor, approval_id: UUID, minutes: int | None = None, note: str = "") -> Approval:
    """Let a held call be made: this one, once, within `USABLE_FOR`; or its operation for a while, with any arguments.

    Args:
        minutes: for how many minutes the same caller may make calls of the operation; None for this call alone.
        note: for those who read the record.

    Raises:
        NotFound: there is no such approval, or the actor may not see it.
        PermissionDenied: the actor is not a person, or it is their own call and the rule wants somebody else.
        ProofNeeded: the rule wants a fresh proof of who approves.
        Invalid: the minutes are more than the rule allows, or the note is too long.
        ApprovalMismatch: the integration or its rules have changed since.
        AlreadyDecided, ApprovalExpired: it waits no longer.
    """
    approval = fetch(actor, approval_id)
    if why_not := why_not_approve(actor, approval):
        raise PermissionDenied(why_not)
    if approval.needs_proof and not actor.proven:
        raise ProofNeeded("The rule wants a fresh proof of who approves. Confirm that it is you.")
    note = _checked(note, minutes=minutes, most=approval.most_minutes)
    _check_unchanged(approval)
    now = timezone.now()
    until = now + (USABLE_FOR if minutes is None else timedelta(minutes=minutes))
    return _decide(
        approval, actor, ApprovalState.APPROVED, now,
        note=note, use_before=until, is_for_a_while=minutes is not None,
    )  # fmt: skip


def deny(*, actor: Actor, approval_id: UUID, note: str = "") -> Approval:
    """Refuse a held call. Its caller gets the note.

    Raises:
        NotFound: there is no such approval, or the actor may not see it.
        PermissionDenied: the actor is not a person.
        Invalid: the note is too long.
        AlreadyDecided, ApprovalExpired: it waits no longer.
    """
    approval = fetch(actor, approval_id)
    if actor.kind is not ActorKind.USER:
        raise PermissionDenied("Only a person who is signed in can deny a call.")
    now = timezone.now()
    return _decide(approval, actor, ApprovalState.DENIED, now, note=_checked(note), ended_at=now)


def _checked(note: str, *, minutes: int | None = None, most: int = 0) -> str:
    errors = []
    if problem := problem_with_text(note.strip(), NOTE_LENGTH):
        errors.append(FieldError("note", problem))
    if minutes is not None and not 1 <= minutes <= most:
        sentence = f"Enter a number of minutes from 1 to {most}." if most else "The rule asks for each call by itself."
        errors.append(FieldError("minutes", sentence))
    if errors:
        raise Invalid(NOT_DECIDED, errors=errors)
    return note.strip()


def _check_unchanged(approval: Approval) -> None:
    found = Integration.objects.with_links().filter(organization=approval.organization, pk=approval.integration_id)
    integration = found.first()
    if integration is None or basis_of(integration) != approval.basis:
        raise ApprovalMismatch(
            "The integration or its rules have changed since this call was made, so an approval would let nothing "
            "through. Deny it; the next call asks again."
        )


def _decide(approval: Approval, actor: Actor, state: ApprovalState, now: datetime, **decision: Any) -> Approval:
    """Write a decision down, if the call still waits. The database lets one of several through."""
    waiting = Approval.objects.filter(pk=approval.pk, state=ApprovalState.WAITING.value, expires_at__gt=now)
    made = {"state": state.value, "decided_by_id": actor.id, "decided_by": actor.label, "decided_at": now, **decision}
    with transaction.atomic():
        if not waiting.update(**made):
            raise _too_late(Approval.objects.get(pk=approval.pk), now)
        for name, value in made.items():
            setattr(approval, name, value)
        trail.record(
            Event.APPROVAL_APPROVED if state is ApprovalState.APPROVED else Event.APPROVAL_DENIED,
            actor=actor,
            target=approval,
            environment=Environment(approval.environment),
            integration=approval.integration_name,
            held_run=str(approval.held_run_id),
            decision=state.value,
            note=approval.note,
            until=approval.use_before.isoformat() if approval.is_for_a_while and approval.use_before else None,
        )
    return approval


def _too_late(found: Approval, now: datetime) -> Refusal:
    if found.decided_at is None:
        return ApprovalExpired("Nobody decided in time, so the call was refused.")
    verb = "denied" if found.state == ApprovalState.DENIED else "approved"
    refusal = AlreadyDecided(f"{found.decided_by} has {verb} this call already.")
    refusal.members |= {"decided_by": found.decided_by, "state": found.state_at(now).value}
    return refusal
