"""How a secret has been used: calls by day, from the run ledger."""

from datetime import timedelta
from uuid import UUID

from django.db.models import Count
from django.db.models.functions import TruncDate
from django.utils import timezone

from accounts.models import Organization
from integrations.models import RunOutcome, RunSecret

DAYS = 30


def calls_by_day(organization: Organization, secret_id: UUID) -> list[int]:
    """Runs that sent the secret on each of the last 30 days (UTC), the oldest first, today last."""
    today = timezone.now().date()
    first = today - timedelta(days=DAYS - 1)
    rows = RunSecret.objects.filter(secret_id=secret_id, started_at__date__gte=first, run__organization=organization)
    rows = rows.exclude(run__outcome=RunOutcome.REFUSED.value)
    by_day = dict(rows.annotate(day=TruncDate("started_at")).values_list("day").annotate(n=Count("pk")))
    return [by_day.get(first + timedelta(days=number), 0) for number in range(DAYS)]
