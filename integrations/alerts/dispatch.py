"""From the audit log and the occurrences into the queues of the endpoints.

Each organization is one transaction: what was looked at and what was put into the queues are written together, so an
event is neither lost nor queued twice. A process that finds an organization under way elsewhere leaves it alone.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.audit.trail import Outcome
from accounts.models import AuditEvent, AuditHead
from accounts.occurrences import Occurrence
from integrations.alerts import payloads, watches
from integrations.alerts.events import BY_ACT, BY_OCCURRENCE, LASTING, chosen
from integrations.alerts.payloads import Notice
from integrations.alerts.queue import enqueue, enqueue_batch
from integrations.models import AlertEndpoint, Delivery, DeliveryState, EndpointKind

AT_ONCE = 200
"""Entries and occurrences of one step."""
BATCH = 200
"""Entries of the audit log in one request of a stream."""
STREAMS = [kind.value for kind in EndpointKind if kind.is_stream]


def dispatch_all(now: datetime | None = None, *, sweep: bool = False) -> int:
    """Dispatch what is new, of each organization that has endpoints. Returns how many organizations had something.

    Args:
        sweep: also look for secrets that went missing, which takes a longer query.
    """
    now = now or timezone.now()
    return sum(_dispatch(organization, now, sweep=sweep) for organization in _with_something_new(now, sweep=sweep))


def _with_something_new(now: datetime, *, sweep: bool) -> list[UUID]:
    endpoints = list(AlertEndpoint.objects.only("pk", "organization_id", "after_minutes"))
    if sweep:
        return sorted({endpoint.organization_id for endpoint in endpoints})
    ahead = AuditHead.objects.filter(
        organization_id=OuterRef("organization_id"), sequence__gt=OuterRef("audit_sequence")
    )
    is_busy = Exists(Delivery.objects.filter(endpoint=OuterRef("pk"), state=DeliveryState.WAITING.value))
    behind = AlertEndpoint.objects.filter(Exists(ahead)).exclude(is_busy, kind__in=STREAMS)
    found = set(behind.values_list("organization_id", flat=True))
    own = {endpoint.organization_id for endpoint in endpoints}
    waiting = Occurrence.objects.filter(organization__in=own, taken_at=None)
    found |= set(waiting.order_by().values_list("organization_id", flat=True).distinct())
    lasting = watches.are_due(endpoints, now)
    return sorted(found | {endpoint.organization_id for endpoint in endpoints if endpoint.pk in lasting})


def _dispatch(organization_id: UUID, now: datetime, *, sweep: bool) -> bool:
    """Dispatch what is new in an organization; nothing while another process does."""
    with transaction.atomic():
        own = AlertEndpoint.objects.filter(organization=organization_id).order_by("pk")
        free = own.select_related("organization").select_for_update(skip_locked=True, of=("self",))
        endpoints = list(free)
        if not endpoints or len(endpoints) != own.count():
            return False
        occurrences = _untaken(organization_id)
        for endpoint in endpoints:
            if EndpointKind(endpoint.kind).is_stream:
                _stream(endpoint, now)
            else:
                _tell(endpoint, occurrences, now, sweep=sweep)
        Occurrence.objects.filter(pk__in=[occurrence.pk for occurrence in occurrences]).update(taken_at=now)
    return True


def _untaken(organization_id: UUID) -> list[Occurrence]:
    own = Occurrence.objects.filter(organization=organization_id, taken_at=None)
    return list(own.order_by("created_at", "pk")[:AT_ONCE])


def _tell(endpoint: AlertEndpoint, occurrences: Iterable[Occurrence], now: datetime, *, sweep: bool) -> None:
    notices = _acts(endpoint)
    for occurrence in occurrences:
        if occurrence.created_at < endpoint.created_at or occurrence.type not in BY_OCCURRENCE:
            continue
        if occurrence.type in LASTING:
            watches.note(endpoint, occurrence)
        elif chosen(endpoint.events, BY_OCCURRENCE[occurrence.type].name):
            notices.append(payloads.of_occurrence(endpoint.organization, occurrence))
    if sweep:
        watches.note_missing(endpoint, now)
    notices += watches.due(endpoint, now)
    enqueue(endpoint, sorted(notices, key=lambda notice: notice.at))


def _acts(endpoint: AlertEndpoint) -> list[Notice]:
    """Return what the endpoint is told of the next entries of the audit log, and note that they were looked at."""
    entries = _entries_after(endpoint, AT_ONCE)
    if not entries:
        return []
    endpoint.audit_sequence = entries[-1].sequence
    endpoint.save(update_fields=["audit_sequence"])
    told = [entry for entry in entries if entry.outcome == Outcome.DONE.value and entry.event in BY_ACT]
    return [
        payloads.of_act(endpoint.organization, entry)
        for entry in told
        if chosen(endpoint.events, BY_ACT[entry.event].name)
    ]


def _stream(endpoint: AlertEndpoint, now: datetime) -> None:
    """Queue the next batch of the audit log, once the one before was delivered: so nothing has to be kept twice."""
    if Delivery.objects.filter(endpoint=endpoint, state=DeliveryState.WAITING.value).exists():
        return
    if entries := _entries_after(endpoint, BATCH):
        enqueue_batch(endpoint, entries[0].sequence, entries[-1].sequence, now)


def _entries_after(endpoint: AlertEndpoint, limit: int) -> list[AuditEvent]:
    own = AuditEvent.objects.filter(organization_id=endpoint.organization_id, sequence__gt=endpoint.audit_sequence)
    return list(own.order_by("sequence")[:limit])
