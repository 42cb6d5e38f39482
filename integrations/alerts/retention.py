"""How long deliveries and occurrences are kept."""

from datetime import timedelta

from django.db import models
from django.utils import timezone

from accounts.occurrences import Occurrence
from integrations.models import Delivery, DeliveryState

DELIVERED_KEPT, WAITING_KEPT = timedelta(days=7), timedelta(days=30)
BATCH = 1000


def forget_old() -> int:
    """Delete deliveries and occurrences that are too old. Returns the number of deliveries."""
    now = timezone.now()
    Occurrence.objects.filter(created_at__lt=now - DELIVERED_KEPT, taken_at__isnull=False).delete()
    Occurrence.objects.filter(created_at__lt=now - WAITING_KEPT).delete()
    delivered = Delivery.objects.filter(state=DeliveryState.DELIVERED.value, created_at__lt=now - DELIVERED_KEPT)
    waiting = Delivery.objects.filter(created_at__lt=now - WAITING_KEPT, first=None)
    return sum(_delete(rows) for rows in (delivered, waiting))


def _delete(rows: "models.QuerySet[Delivery]") -> int:
    deleted = 0
    while ids := list(rows.values_list("pk", flat=True)[:BATCH]):
        Delivery.objects.filter(pk__in=ids).delete()
        deleted += len(ids)
    return deleted
