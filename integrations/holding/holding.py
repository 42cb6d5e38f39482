"""Holding a call until a person has decided, and using an approval: at most once, in the transaction of the run.

Everything fails closed. In the transaction that records the run as started, the rows of the API key and of the
integrations are locked and looked at again, and one conditional UPDATE uses the approval; so a key that was revoked, an
integration that was changed or a second call that came first leave the call unmade. A process that dies has either done
all of it or nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.access.callers import keys_of, refusal_meanwhile
from accounts.actors import Actor, ActorKind
from accounts.audit import trail
from accounts.audit.trail import Event
from accounts.errors import NotFound, RateLimited, Refusal
from accounts.mail import outbox
from accounts.models import ApiKey, Membership
from integrations.errors import ApprovalDenied, ApprovalExpired, ApprovalMismatch, ApprovalUsed
from integrations.holding import contents, deciders
from integrations.holding.calls import AskedCall
from integrations.holding.contents import Contents
from integrations.holding.expiring import expire
from integrations.holding.fingerprints import Fingerprints
from integrations.holding.told import needed
from integrations.inheritance import with_parents
from integrations.models import Approval, ApprovalState, Integration, WhenApproved

MOST_WAITING = 20
"""Calls of one API key, with its sessions, or of one person that may wait at once."""
WHY_LENGTH = Approval._meta.get_field("why").max_length or 300
DENIED_FOR = timedelta(hours=1)
"""How long a denied call is refused without asking again."""
MISMATCH = (
    "This approval is for another call, or the integration or its rules have changed since it was asked for. Make the "
    "call without it, to ask again."
)


def settle(asked: AskedCall, run_id: UUID) -> Refusal | None:
    """Use the approval of a call, or hold the call, in the transaction that records its run.

    Args:
        run_id: the id that the run is recorded with.

    Returns:
        None if the call may be made, `ApprovalNeeded` if it waits.

    Raises:
        NotFound: the caller has no such approval.
        ApprovalDenied, ApprovalExpired, ApprovalUsed, ApprovalMismatch: the call may not be made.
        RateLimited: too many calls of the caller wait.
        Unauthenticated, AgentsStopped, AgentStopped: the API key was stopped meanwhile.
        InvalidArguments, KeyUnavailable: the arguments cannot be kept for a person.
    """
    _lock(asked)
    now, prints = timezone.now(), asked.fingerprints()
    expire(Approval.objects.filter(organization=asked.actor.organization, fingerprint=prints.call))
    found = _find(asked, prints, now)
    if found is None:
        return _hold(asked, prints, run_id, now)
    state = found.state_at(now)
    if state is ApprovalState.WAITING:
        return _ask_again(found, asked, now)
    if state is ApprovalState.APPROVED:
        _use(found, asked, run_id, now)
        return None
    raise _refusal(found, state)


def _lock(asked: AskedCall) -> None:
    """Lock the API key and the integrations of a call, and check that they are as they were when it was admitted."""
    actor = asked.actor
    if actor.kind is ActorKind.API_KEY and actor.id:
        keys = [one.id for one in (actor, actor.within) if one and one.id]
        list(ApiKey.objects.select_for_update(of=("self",)).filter(pk__in=keys).order_by("pk").values("pk"))
        if refusal := refusal_meanwhile(keys_of([actor.id]).get(actor.id)):
            raise refusal
    links = {link.pk: (link.version, link.rules) for link in with_parents(asked.integration)}
    rows = Integration.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=links).order_by("pk")
    if {row.pk: (row.version, row.rules) for row in rows.only("version", "rules")} != links:
        raise ApprovalMismatch("The integration was changed at this moment. Make the call again.")


def _find(asked: AskedCall, prints: Fingerprints, now: datetime) -> Approval | None:
    """Return the approval that the call names, or the one that decides on it; None if there is none.

    Raises:
        NotFound: the caller has no approval of the id that it names.
        ApprovalMismatch: that approval is for another call.
    """
    mine = Approval.objects.filter(organization=asked.actor.organization).select_related("organization")
    if asked.wish.approval:
        found = mine.filter(caller_id=asked.actor.id, pk=asked.wish.approval).first()
        if found is None:
            raise NotFound("No such approval.")
        if not _fits(found, prints):
            raise ApprovalMismatch(MISMATCH)
        return found
    this_call = Q(fingerprint=prints.call) & (
        Q(state__in=[ApprovalState.WAITING.value, ApprovalState.APPROVED.value])
        | Q(state=ApprovalState.DENIED.value, decided_at__gt=now - DENIED_FOR)
    )
    for_a_while = Q(scope=prints.scope, state=ApprovalState.APPROVED.value, is_for_a_while=True)
    return _first(list(mine.filter(this_call | for_a_while).order_by("-created_at", "-pk")[:MOST_WAITING]), now)


def _fits(approval: Approval, prints: Fingerprints) -> bool:
    is_this_call = approval.fingerprint == prints.call
    return is_this_call or (approval.is_for_a_while and approval.scope == prints.scope)


def _first(found: Sequence[Approval], now: datetime) -> Approval | None:
    """Return the approval that counts: one that can be used, else one that waits, else the newest denial."""
    for state in (ApprovalState.APPROVED, ApprovalState.WAITING, ApprovalState.DENIED):
        for approval in found:
            if approval.state_at(now) is state:
                return approval
    return None


def _hold(asked: AskedCall, prints: Fingerprints, run_id: UUID, now: datetime) -> Refusal:
    """Write the call down, ask people, and return that it waits."""
    _check_room(asked.actor)
    people = deciders.named(asked.actor.organization, asked.terms.approvers)
    approval = _approval(asked, prints, people, now)
    approval.held_run_id = run_id
    try:
        with transaction.atomic():
            approval.save(force_insert=True)
    except IntegrityError:  # the same call was held at the same moment
        return _ask_again(_waiting(asked.actor, prints), asked, now)
    contents.seal(approval, Contents(asked.params, asked.preview(asked.params), asked.actor.address or ""))
    _record(Event.APPROVAL_HELD, approval, asked, held_run=str(run_id))
    outbox.wait(deciders.mails_about(approval, people, approval.expires_at), about=deciders.MAILS)
    return needed(approval, now)


def _approval(asked: AskedCall, prints: Fingerprints, people: Iterable[Membership], now: datetime) -> Approval:
    """Return the unsaved approval of a call, which these people are asked for beside owners and admins."""
    actor, terms = asked.actor, asked.terms
    return Approval(
        organization=actor.organization,
        integration_id=asked.integration.pk,
        integration_name=asked.integration.name,
        kind=asked.integration.kind,
        operation=asked.operation,
        environment=asked.environment.value,
        caller_kind=actor.kind.value,
        caller_id=actor.id,
        principal_id=actor.key_id,
        caller=actor.label,
        basis=prints.basis,
        scope=prints.scope,
        fingerprint=prints.call,
        when=asked.wish.when.value,
        reason=asked.wish.reason,
        why=terms.why[:WHY_LENGTH],
        rule=dict(terms.rule),
        approvers=[str(membership.user_id) for membership in people],
        asked=deciders.in_words(people),
        needs_proof=terms.needs_proof,
        four_eyes=terms.four_eyes,
        most_minutes=terms.most_minutes,
        created_at=now,
        expires_at=now + timedelta(minutes=terms.minutes),
    )


def _waiting(actor: Actor, prints: Fingerprints) -> Approval:
    mine = Approval.objects.filter(organization=actor.organization).select_related("organization")
    return mine.get(fingerprint=prints.call, state=ApprovalState.WAITING.value)


def _check_room(actor: Actor) -> None:
    waiting = Approval.objects.filter(
        organization=actor.organization, principal_id=actor.key_id, state=ApprovalState.WAITING.value
    )
    if waiting.filter(expires_at__gt=timezone.now()).count() >= MOST_WAITING:
        refusal = RateLimited(
            f"{MOST_WAITING} calls wait for a person already, the most that may. Make this one once some are decided."
        )
        refusal.members["retry_after_seconds"] = 60
        raise refusal


def _ask_again(approval: Approval, asked: AskedCall, now: datetime) -> Refusal:
    """Count that the caller asked again. That the server is to make the call can be said with any of the calls."""
    if asked.wish.when is WhenApproved.APPROVED:
        approval.when = asked.wish.when.value
    Approval.objects.filter(pk=approval.pk, state=ApprovalState.WAITING.value).update(
        asked_again=F("asked_again") + 1, asked_again_at=now, when=approval.when
    )
    return needed(approval, now)


def _use(approval: Approval, asked: AskedCall, run_id: UUID, now: datetime) -> None:
    """Use an approval for this run.

    Raises:
        ApprovalUsed, ApprovalExpired: another call has used it, or its time has run out, at this moment.
    """
    usable = Approval.objects.filter(pk=approval.pk, state=ApprovalState.APPROVED.value, use_before__gt=now)
    ended = {} if approval.is_for_a_while else {"state": ApprovalState.USED.value, "ended_at": now}
    if not usable.update(calls=F("calls") + 1, used_at=now, made_run_id=run_id, **ended):
        approval.refresh_from_db(fields=["state", "use_before", "calls"])
        raise _refusal(approval, approval.state_at(now))
    _record(Event.APPROVAL_USED, approval, asked, run=str(run_id), held_run=str(approval.held_run_id))


def _record(event: Event, approval: Approval, asked: AskedCall, **data: Any) -> None:
    trail.record(
        event,
        actor=asked.actor,
        target=approval,
        environment=asked.environment,
        integration=approval.integration_name,
        **data,
    )


def _refusal(approval: Approval, state: ApprovalState) -> Refusal:
    """Return why an approval that is over lets no call through."""
    if state is ApprovalState.DENIED:
        note = f" They say: {approval.note}" if approval.note else ""
        refusal: Refusal = ApprovalDenied(f"{approval.decided_by} has denied this call.{note}")
    elif state is ApprovalState.USED:
        refusal = ApprovalUsed(
            "This approval was for one call, which was made. Make the call without it, to ask again."
        )
    else:
        refusal = ApprovalExpired(
            "Nobody decided in time, or the approved call was not made in time. Make the call without the approval, to "
            "ask again."
        )
    refusal.members["approval_id"] = str(approval.pk)
    return refusal
