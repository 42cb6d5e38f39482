"""Reading the audit log: filters, pages and exports, newest first.

Each filter has an index in the order of the log (accounts/models.py), and a page starts where the previous one ended,
so a page costs the same in a log of ten events and of a million.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.actors import Actor
from accounts.common.environments import ALL_ENVIRONMENTS
from accounts.common.paging import Page, decode_cursor, encode_cursor, not_of_this_list
from accounts.common.when import in_utc
from accounts.models import AuditEvent, AuditHead
from accounts.policy import Permission

UUID_TEXT = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
BATCH = 500
"""Events in memory at a time while everything is read."""


@dataclass(frozen=True, slots=True)
class AuditFilters:
    """The events to show; an empty field does not filter.

    `actor` and `target` are ids, or exact names as in the log.
    """

    event: str = ""
    actor: str = ""
    target: str = ""
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None


def page(actor: Actor, filters: AuditFilters, *, cursor: str, limit: int) -> Page[AuditEvent]:
    """Return one page of the events that the actor may see.

    Raises:
        PermissionDenied: the actor may not read the log.
        Invalid: the cursor does not belong to this list.
    """
    events = matching(actor, filters)
    if cursor:
        events = _before(events, *_position(cursor))
    found = list(events[: limit + 1])
    if len(found) <= limit:
        return Page(found, None)
    last = found[limit - 1]
    return Page(found[:limit], encode_cursor([last.created_at.isoformat(), str(last.sequence)]))


def position(actor: Actor) -> int:
    """Return the number of events in the organization's log."""
    return AuditHead.objects.filter(pk=actor.organization.id).values_list("sequence", flat=True).first() or 0


def events_after(actor: Actor, sequence: int) -> list[AuditEvent]:
    """Return what was recorded since then, in order. The caller knows what it did itself in this transaction."""
    events = AuditEvent.objects.filter(organization_id=actor.organization.id, sequence__gt=sequence)
    return list(events.order_by("sequence"))


def batches(actor: Actor, filters: AuditFilters) -> Iterator[list[AuditEvent]]:
    """Yield everything that the actor may see, in batches. No query stays open between two batches."""
    events = matching(actor, filters)
    found = list(events[:BATCH])
    while found:
        yield found
        found = list(_before(events, found[-1].created_at, found[-1].sequence)[:BATCH])


def _visible_to(actor: Actor) -> QuerySet[AuditEvent]:
    """Return the events of the organization, for an API key without those beyond its bounds."""
    events = AuditEvent.objects.filter(organization_id=actor.organization.id)
    if actor.integrations is not None:
        events = events.filter(~Q(target_kind="integration") | Q(target_id__in=actor.integrations))
    if actor.environments != ALL_ENVIRONMENTS:
        events = events.filter(environment__in=["", *(environment.value for environment in actor.environments)])
    return events


def matching(actor: Actor, filters: AuditFilters) -> QuerySet[AuditEvent]:
    """Return the events that match the filters, newest first.

    Raises:
        PermissionDenied: the actor may not read the log.
    """
    actor.check(Permission.AUDIT_READ)
    events = _visible_to(actor).order_by("-created_at", "-sequence")
    if filters.event:
        events = events.filter(event=filters.event)
    if filters.actor:
        events = events.filter(_is("actor", filters.actor))
    if filters.target:
        events = events.filter(_is("target", filters.target))
    if filters.outcome:
        events = events.filter(outcome=filters.outcome)
    if filters.since:
        events = events.filter(created_at__gte=filters.since)
    if filters.until:
        events = events.filter(created_at__lt=filters.until)
    return events


def label_of(actor: Actor, filters: AuditFilters) -> str:
    """Return the newest name of the filtered actor in the log, or an empty string if it has no events."""
    found = matching(actor, AuditFilters(actor=filters.actor)).values_list("actor_label", flat=True)
    return found.first() or ""


def _is(who: str, text: str) -> Q:
    """Match the id if the text is one, otherwise the name."""
    return Q(**{f"{who}_id": UUID(text)}) if UUID_TEXT.fullmatch(text) else Q(**{f"{who}_label": text})


def _before(events: QuerySet[AuditEvent], created_at: datetime, sequence: int) -> QuerySet[AuditEvent]:
    """Return the events that follow in the log. The first condition bounds the index scan."""
    return events.filter(Q(created_at__lte=created_at) & (Q(created_at__lt=created_at) | Q(sequence__lt=sequence)))


def _position(cursor: str) -> tuple[datetime, int]:
    created_at, sequence = decode_cursor(cursor, length=2)
    try:
        moment, number = in_utc(datetime.fromisoformat(created_at)), int(sequence)
    except ValueError:
        raise not_of_this_list() from None
    if not 0 < number < 2**63:
        raise not_of_this_list()
    return moment, number
