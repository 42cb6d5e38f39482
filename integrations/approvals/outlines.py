"""What people see of held calls that they do not decide: that they wait, and for whom; never what they would send."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from accounts.actors import Actor
from accounts.errors import NotFound
from accounts.policy import Permission
from integrations.approvals.reading import COUNTED_AT_MOST, ROWS, visible_to
from integrations.models import Approval, ApprovalState, Run, RunOutcome

MADE_WITHIN = timedelta(minutes=1)
"""How far apart the records of a held call and of its approval are at most; they are written together."""


def fetch_outline(actor: Actor, approval_id: UUID) -> Approval:
    """Return an approval of the organization, for its state alone.

    Raises:
        PermissionDenied: the actor may see none.
        NotFound: there is no such approval.
    """
    actor.check(Permission.APPROVALS_BROWSE)
    found = Approval.objects.filter(organization=actor.organization, pk=approval_id).select_related("organization")
    if approval := found.first():
        return approval
    raise NotFound("No such approval.")


def waiting_for_others(actor: Actor) -> list[Approval]:
    """Return the newest calls that wait for a decision of others, at most `ROWS`."""
    waiting = Approval.objects.filter(
        organization=actor.organization, state=ApprovalState.WAITING.value, expires_at__gt=timezone.now()
    )
    decided_here = visible_to(actor).values("pk")
    return list(waiting.exclude(pk__in=decided_here).order_by("-created_at", "-pk")[:ROWS])


def among(actor: Actor, ids: Iterable[UUID]) -> list[Approval]:
    """Return those of these approvals that the actor may decide, or could have."""
    return list(visible_to(actor).filter(pk__in=list(ids)[: 2 * ROWS]))


def asked_before(approval: Approval) -> tuple[int, int]:
    """Return how often the same API key was held at the same operation before, and how often denied.

    Both stop at `COUNTED_AT_MOST + 1`, and are 0 for a person.
    """
    if approval.principal_id is None:
        return 0, 0
    before = Approval.objects.filter(
        organization=approval.organization,
        principal_id=approval.principal_id,
        integration_id=approval.integration_id,
        operation=approval.operation,
        created_at__lt=approval.created_at,
    )
    states = list(before.order_by("-created_at").values_list("state", flat=True)[: COUNTED_AT_MOST + 1])
    return len(states), states.count(ApprovalState.DENIED.value)


def made_today(approval: Approval, now: datetime) -> int:
    """Return how often the same API key has called the integration today (UTC); it stops at `COUNTED_AT_MOST + 1`.

    Calls that were refused do not count. It is 0 for a person.
    """
    if approval.principal_id is None:
        return 0
    made = Run.objects.filter(
        organization=approval.organization,
        principal_id=approval.principal_id,
        integration_id=approval.integration_id,
        started_at__gte=now.replace(hour=0, minute=0, second=0, microsecond=0),
    )
    return made.exclude(outcome=RunOutcome.REFUSED.value)[: COUNTED_AT_MOST + 1].count()


def approval_of_run(run: Run) -> Approval | None:
    """Return the approval that a held call asked for first; None if the call was not held, or had been held before."""
    near = (run.started_at - MADE_WITHIN, run.started_at + MADE_WITHIN)
    return Approval.objects.filter(organization=run.organization_id, created_at__range=near, held_run_id=run.pk).first()
