"""How long approvals are kept: what their calls would have sent for days, the rest as long as runs."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Organization
from accounts.people.organization_rules import approval_days, run_days
from integrations.holding import contents
from integrations.models import Approval

BATCH = 500


def destroy_contents() -> int:
    """Destroy what calls would have sent, once their approval has been over for the term of the organization.

    Returns:
        of how many approvals.
    """
    now, destroyed = timezone.now(), 0
    for organization in Organization.objects.all():
        ended = organization.approvals.filter(
            ended_at__lt=now - timedelta(days=approval_days(organization)), destroyed_at=None
        )
        while ids := _batch(ended):
            with transaction.atomic():
                contents.destroy(ids)
                Approval.objects.filter(pk__in=ids).update(destroyed_at=now)
            destroyed += len(ids)
    return destroyed


def forget_old() -> int:
    """Delete approvals that ended longer ago than the organization keeps runs. Returns how many."""
    now, deleted = timezone.now(), 0
    for organization in Organization.objects.all():
        old = organization.approvals.filter(ended_at__lt=now - timedelta(days=run_days(organization)))
        while ids := _batch(old):
            with transaction.atomic():
                contents.destroy(ids)
                Approval.objects.filter(pk__in=ids).delete()
            deleted += len(ids)
    return deleted


def _batch(rows: QuerySet[Approval]) -> list[UUID]:
    return list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
