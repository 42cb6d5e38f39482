"""Calls that the server makes once they are approved, because their caller wished so (`WhenApproved.APPROVED`).

Each process of a server looks for them, and claims one before it makes it. That no call is made twice is not left to
the claim: admission uses the approval in the transaction that records the run as started. A call is made as the API key
that asked, which must still be in force, and its answer is kept nowhere: the record of the run is.
"""

import asyncio
import logging
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.access.standing_keys import actor_in_force
from accounts.actors import Actor, ActorKind
from accounts.audit import trail
from accounts.audit.trail import Event
from accounts.common.database import in_database
from accounts.common.environments import Environment
from accounts.errors import Refusal, Unauthenticated
from integrations.broker import broker
from integrations.broker.preparation import Call
from integrations.holding import contents
from integrations.holding.calls import Wish
from integrations.holding.expiring import server_actor
from integrations.kinds import KINDS
from integrations.models import Approval, ApprovalState, WhenApproved
from secrets_app.errors import KeyUnavailable

CLAIMED_FOR = timedelta(minutes=1)
"""A process that dies leaves its claims; another one takes them over after this."""
AT_ONCE = 20
TRY_AGAIN = {429, 503}
"""Statuses of refusals that pass by themselves. Another try is made, as long as the approval can be used."""

logger = logging.getLogger(__name__)


async def make_due() -> int:
    """Make the calls that are approved and that their callers left to the server. Returns how many were tried."""
    claimed = await in_database(_claim)
    await asyncio.gather(*(_make(approval) for approval in claimed))
    return len(claimed)


def _claim() -> list[Approval]:
    now = timezone.now()
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    due = Approval.objects.filter(
        free, state=ApprovalState.APPROVED.value, when=WhenApproved.APPROVED.value, calls=0, use_before__gt=now
    )
    with transaction.atomic():
        locked = due.select_for_update(skip_locked=True, of=("self",)).select_related("organization")
        found = list(locked.order_by("decided_at", "pk")[:AT_ONCE])
        Approval.objects.filter(pk__in=[approval.pk for approval in found]).update(claimed_until=now + CLAIMED_FOR)
    return found


async def _make(approval: Approval) -> None:
    """Make a call. Its run is on record; what cannot be made at all is noted on the approval."""
    try:
        actor, call = await in_database(_call_of, approval)
        await broker.run(actor, call)
    except Refusal as refusal:
        if refusal.status not in TRY_AGAIN:
            await in_database(_give_up, approval.pk, refusal)
    except Exception as fault:  # one call must not keep others from being made; the text might quote an argument
        logger.error("An approved call was not made: %s", type(fault).__name__)  # noqa: TRY400 - without the text


def _call_of(approval: Approval) -> tuple[Actor, Call]:
    """Return an approved call and its caller.

    Raises:
        Unauthenticated: the API key is not in force any more.
        KeyUnavailable: the arguments do not open any more.
    """
    if approval.caller_kind != ActorKind.API_KEY or approval.caller_id is None:
        raise Unauthenticated("Only calls of API keys are made by the server.")
    actor, held = actor_in_force(approval.caller_id), contents.opened(approval)
    if held is None:
        raise KeyUnavailable("The arguments of this call were destroyed.")
    operation = KINDS[approval.kind].calling_operation if ":" in approval.operation else approval.operation
    environment = Environment(approval.environment)
    wish = Wish(approval=approval.pk)
    return actor, Call(approval.integration_id, environment, operation, held.params, wish=wish)


def _give_up(approval_id: UUID, refusal: Refusal) -> None:
    """Note why the server could not make a call. One that was made has its run instead."""
    with transaction.atomic():
        unused = Approval.objects.filter(pk=approval_id, state=ApprovalState.APPROVED.value, calls=0)
        ended = {"state": ApprovalState.EXPIRED.value, "ended_at": timezone.now(), "error_code": refusal.code}
        if not unused.update(**ended):
            return
        approval = Approval.objects.select_related("organization").get(pk=approval_id)
        trail.record(
            Event.APPROVAL_EXPIRED,
            actor=server_actor(approval.organization),
            target=approval,
            environment=Environment(approval.environment),
            integration=approval.integration_name,
            code=refusal.code,
            held_run=str(approval.held_run_id),
        )
