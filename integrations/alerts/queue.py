"""The queue of an endpoint: events in order, each once."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from integrations.alerts.payloads import Notice
from integrations.models import AlertEndpoint, Delivery, DeliveryState, EndpointKind

DIGEST_HOUR = 7
"""When daily mail is sent, in UTC."""


def enqueue(endpoint: AlertEndpoint, notices: Sequence[Notice]) -> None:
    """Put events at the end of the queue of an endpoint whose row the caller has locked."""
    if not notices:
        return
    rows = [
        Delivery(
            endpoint=endpoint, number=endpoint.last_number + place, event_id=notice.id, type=notice.type,
            about=notice.about, body=notice.body, created_at=notice.at,
        )
        for place, notice in enumerate(notices, start=1)
    ]  # fmt: skip
    Delivery.objects.bulk_create(rows)
    endpoint.last_number += len(rows)
    if endpoint.kind == EndpointKind.EMAIL and endpoint.is_digest and endpoint.next_try_at is None:
        endpoint.next_try_at = next_digest(notices[-1].at)
    endpoint.save(update_fields=["last_number", "next_try_at"])


def enqueue_batch(endpoint: AlertEndpoint, first: int, last: int, at: datetime) -> None:
    """Put a batch of the audit log at the end of the queue of a stream whose row the caller has locked."""
    endpoint.last_number += 1
    Delivery.objects.create(
        endpoint=endpoint, number=endpoint.last_number, event_id=f"aud_{endpoint.pk.hex[:12]}_{last}", type="audit",
        about=f"Entries {first:,} to {last:,}" if last > first else f"Entry {first:,}",
        first=first, last=last, created_at=at,
    )  # fmt: skip
    endpoint.audit_sequence = last
    endpoint.save(update_fields=["last_number", "audit_sequence"])


def waiting(endpoint: AlertEndpoint) -> int:
    """Return how many events wait."""
    return Delivery.objects.filter(endpoint=endpoint, state=DeliveryState.WAITING.value).count()


def next_digest(after: datetime) -> datetime:
    """Return when daily mail is sent next."""
    today = after.astimezone(UTC).replace(hour=DIGEST_HOUR, minute=0, second=0, microsecond=0)
    return today if today > after else today + timedelta(days=1)
