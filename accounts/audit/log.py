"""Reading the audit trail: filters, pages and everything that matches, newest first.

Each filter has an index in the order of the log (models.py), and a page starts where the one before ended, so it costs
the same among ten events and among a million.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.actors import Actor
from accounts.common.paging import Page, decode_cursor, encode_cursor, not_of_this_list
from accounts.models import AuditEvent
from accounts.policy import Permission

UUID_TEXT = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
BATCH = 500
"""Events that are held at once while everything is read."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What to show; empty for everything. `actor` and `target` are ids, or names as the log has them."""

    event: str = ""
    actor: str = ""
    target: str = ""
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None


def page(actor: Actor, filters: Filters, *, cursor: str, limit: int) -> Page[AuditEvent]:
    """One page of what the actor may see.

    Raises:
        PermissionDenied: the actor may not read the log.
        Invalid: the cursor is not one of this list.
    """
    events = matching(actor, filters)
    if cursor:
        events = _before(events, *_position(cursor))
    found = list(events[: limit + 1])
    if len(found) <= limit:
        return Page(found, None)
    last = found[limit - 1]
    return Page(found[:limit], encode_cursor([last.created_at.isoformat(), str(last.sequence)]))


def batches(actor: Actor, filters: Filters) -> Iterator[list[AuditEvent]]:
    """Everything that the actor may see, some at a time; no query stays open between two of them."""
    events = matching(actor, filters)
    found = list(events[:BATCH])
    while found:
        yield found
        found = list(_before(events, found[-1].created_at, found[-1].sequence)[:BATCH])


def matching(actor: Actor, filters: Filters) -> QuerySet[AuditEvent]:
    """The events that the filters leave, newest first.

    Raises:
        PermissionDenied: the actor may not read the log.
    """
    actor.check(Permission.AUDIT_READ)
    events = AuditEvent.objects.filter(organization_id=actor.organization.id).order_by("-created_at", "-sequence")
    if actor.integrations is not None:
        events = events.filter(~Q(target_kind="integration") | Q(target_id__in=actor.integrations))
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


def label_of(actor: Actor, filters: Filters) -> str:
    """The name under which the filtered actor is in the log, the last one; empty where there is no event of it."""
    found = matching(actor, Filters(actor=filters.actor)).values_list("actor_label", flat=True)
    return found.first() or ""


def in_utc(moment: datetime) -> datetime:
    """A moment without offset is UTC.

    Raises:
        ValueError: no calendar in UTC holds it.
    """
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise ValueError("Use a date between the years 1 and 9999 in UTC.") from None


def _is(who: str, text: str) -> Q:
    """The id where the text is one, else the name."""
    return Q(**{f"{who}_id": UUID(text)}) if UUID_TEXT.fullmatch(text) else Q(**{f"{who}_label": text})


def _before(events: QuerySet[AuditEvent], created_at: datetime, sequence: int) -> QuerySet[AuditEvent]:
    """Those that follow in the log; the first condition is the one that bounds the reading of the index."""
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
