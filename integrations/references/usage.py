"""Usage of a secret from the run records: calls by day, and by integration and environment."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Max
from django.db.models.functions import TruncDate
from django.utils import timezone

from accounts.common.environments import Environment
from accounts.models import Organization
from integrations.models import Integration, RunOutcome, RunSecret

DAYS = 30
DAYS_OF_PLACES = 90
COUNTED_AT_MOST = 50_000
"""How many of the newest calls of a secret are grouped; a busy secret has millions."""
PLACES_AT_MOST = 100


@dataclass(frozen=True, slots=True)
class CallingIntegration:
    """An integration and an environment in which a secret was sent.

    Attributes:
        exists: whether the integration still exists.
    """

    integration_id: UUID
    integration_name: str
    environment: Environment
    calls: int
    last_at: datetime
    exists: bool


def calls_by_day(organization: Organization, secret_id: UUID) -> list[int]:
    """Return how many runs sent the secret on each of the last 30 days (UTC), oldest first."""
    today = timezone.now().date()
    first = today - timedelta(days=DAYS - 1)
    rows = RunSecret.objects.filter(secret_id=secret_id, started_at__date__gte=first, run__organization=organization)
    rows = rows.exclude(run__outcome=RunOutcome.REFUSED.value)
    by_day = dict(rows.annotate(day=TruncDate("started_at")).values_list("day").annotate(n=Count("pk")))
    return [by_day.get(first + timedelta(days=number), 0) for number in range(DAYS)]


def calls_by_place(organization: Organization, secret_id: UUID) -> list[CallingIntegration]:
    """Return where the newest `COUNTED_AT_MOST` calls of the last 90 days were made, most calls first."""
    since = timezone.now() - timedelta(days=DAYS_OF_PLACES)
    sent = RunSecret.objects.filter(secret_id=secret_id, started_at__gte=since, run__organization=organization)
    newest = sent.exclude(run__outcome=RunOutcome.REFUSED.value).order_by("-started_at").values("pk")[:COUNTED_AT_MOST]
    by_place = RunSecret.objects.filter(pk__in=newest).values("run__integration_id", "run__environment")
    rows = by_place.annotate(n=Count("pk"), last_at=Max("started_at"), name=Max("run__integration_name"))
    found = list(rows.order_by("-n", "name", "run__environment")[:PLACES_AT_MOST])
    names = dict(
        Integration.objects.of(organization)
        .filter(pk__in={row["run__integration_id"] for row in found})
        .values_list("pk", "name")
    )
    return [
        CallingIntegration(
            integration_id=row["run__integration_id"],
            integration_name=names.get(row["run__integration_id"], row["name"]),
            environment=Environment(row["run__environment"]),
            calls=row["n"],
            last_at=row["last_at"],
            exists=row["run__integration_id"] in names,
        )
        for row in found
    ]
