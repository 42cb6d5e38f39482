"""Approvals whose time is over: nobody decided, or nobody used them."""

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.actors import Actor, actor_for_command
from accounts.audit import trail
from accounts.audit.trail import Act, Event
from accounts.common.environments import Environment
from accounts.models import Organization
from integrations.models import Approval, ApprovalState

AT_ONCE = 200


def server_actor(organization: Organization) -> Actor:
    """Return the actor of what the server does by itself about approvals of an organization."""
    return actor_for_command(organization, "serve")


def expire(approvals: QuerySet[Approval]) -> int:
    """Bring those of some approvals to an end whose time is over, at most `AT_ONCE`, each with its audit event.

    One that was approved for a while, and used, ends as used.

    Returns:
        how many ended.
    """
    now = timezone.now()
    waiting = Q(state=ApprovalState.WAITING.value, expires_at__lte=now)
    approved = Q(state=ApprovalState.APPROVED.value, use_before__lte=now)
    over = approvals.filter(waiting | approved)
    if not over.exists():
        return 0
    with transaction.atomic():
        locked = over.select_for_update(skip_locked=True, of=("self",)).select_related("organization")
        rows = list(locked.order_by("pk")[:AT_ONCE])
        ids = [row.pk for row in rows]
        Approval.objects.filter(pk__in=ids, calls__gte=1).update(state=ApprovalState.USED.value, ended_at=now)
        Approval.objects.filter(pk__in=ids, calls=0).update(state=ApprovalState.EXPIRED.value, ended_at=now)
        _record([row for row in rows if not row.calls])
    return len(rows)


def expire_due() -> int:
    """End all approvals whose time is over."""
    return expire(Approval.objects.all())


def _record(rows: list[Approval]) -> None:
    """Write that they expired, organization by organization in one order, so that two processes cannot block."""
    for organization in sorted({row.organization for row in rows}, key=lambda one: one.pk):
        acts = [
            Act(
                Event.APPROVAL_EXPIRED,
                row,
                Environment(row.environment),
                {"integration": row.integration_name, "held_run": str(row.held_run_id)},
            )
            for row in rows
            if row.organization_id == organization.pk
        ]
        trail.record_all(acts, actor=server_actor(organization))
