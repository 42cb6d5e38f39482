"""How a secret has been used: calls by day, from the run ledger."""

from datetime import timedelta
from uuid import UUID

from django.db.models import Count
from django.db.models.functions import TruncDate
from django.utils import timezone

from integrations.models import RunSecret

DAYS = 30


def calls_by_day(secret_id: UUID) -> list[int]:
    """Runs that used the secret on each of the last 30 days (UTC), the oldest first, today last."""
    today = timezone.now().date()
    first = today - timedelta(days=DAYS - 1)
    rows = RunSecret.objects.filter(secret_id=secret_id, started_at__date__gte=first)
    by_day = dict(rows.annotate(day=TruncDate("started_at")).values_list("day").annotate(n=Count("pk")))
    return [by_day.get(first + timedelta(days=number), 0) for number in range(DAYS)]
