"""Secrets whose rotation is due, or whose values expire soon, as queries."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F, IntegerField, Min, Q, QuerySet, Value
from django.db.models.functions import Cast
from django.utils import timezone

from accounts.common.when import in_words
from accounts.models import Organization
from secrets_app.models import Secret, SecretValue, ValueState
from secrets_app.naming import expiry
from secrets_app.querysets import SecretQuerySet


def select_overdue(secrets: SecretQuerySet, organization: Organization) -> SecretQuerySet:
    """Keep the secrets that have a current value older than their rotation interval."""
    rotating = secrets.filter(rotate_every_days__isnull=False)
    shortest, now = rotating.aggregate(days=Min("rotate_every_days"))["days"], timezone.now()
    if shortest is None:
        return secrets.none()
    # SQLite multiplies durations only by a plain integer, not by the type of the column.
    days = Cast("secret__rotate_every_days", IntegerField())
    due = F("created_at") + ExpressionWrapper(days * Value(timedelta(days=1)), DurationField())
    old = SecretValue.objects.current().filter(
        secret__organization=organization,
        secret__rotate_every_days__isnull=False,
        created_at__lte=now - timedelta(days=shortest),  # leaves few rows for the expensive comparison
    )
    overdue = old.annotate(due=ExpressionWrapper(due, DateTimeField())).filter(due__lte=now)
    return secrets.filter(pk__in=overdue.values("secret"))


def with_oldest(secrets: list[Secret]) -> Iterable[Any]:
    return _aged([secret.pk for secret in secrets])


def _aged(pks: Any) -> QuerySet[Any]:
    """Return these secrets by name, each annotated with the time of its `oldest` current value."""
    current = Q(values__state=ValueState.CURRENT.value)
    return Secret.objects.filter(pk__in=pks).annotate(oldest=Min("values__created_at", filter=current)).alphabetical()


def overdue(organization: Organization) -> QuerySet[Any]:
    """Return the secrets whose rotation is due, by name, each annotated with the time of its `oldest` current value."""
    return _aged(select_overdue(Secret.objects.of(organization), organization).order_by().values("pk"))


def describe_overdue(secret: Any) -> str:
    entered = in_words(secret.oldest, timezone.now())
    return f"A new value is due every {secret.rotate_every_days} days. The oldest was entered {entered}."


def select_expiring(secrets: SecretQuerySet, _: Organization) -> SecretQuerySet:
    return secrets.filter(expires_on__lte=datetime.now(UTC).date() + timedelta(days=expiry.SOON_DAYS))
