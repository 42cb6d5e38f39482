"""What the limits of rules have counted, in the database: exact across processes and hosts.

A span is counted in sixty parts, and a part of which any moment is within the span counts whole. So a limit of 100 an
hour means that no hour, wherever it begins, has more than 100 calls, and a call may have to wait a minute longer than
by the second. The rows of counters are locked, in the order of their names, from the count to the commit of the run's
record.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from accounts.common.environments import Environment
from accounts.common.fields import write_json
from integrations.models import CallCounter
from integrations.rules.judging import Counted
from integrations.rules.shape import Per

PARTS = 60
FORGOTTEN_AFTER = timedelta(days=2)

Counts = dict[str, int]


@dataclass(frozen=True, slots=True)
class Bound:
    """At most `most` calls in each span of a counter."""

    organization_id: UUID
    name: str
    most: int
    per: Per
    counted: Counted


@dataclass(frozen=True, slots=True)
class Reached:
    """A bound that leaves no room, and the seconds until it does."""

    bound: Bound
    seconds: int


def bound_of(counted: Counted, organization_id: UUID, environment: Environment, key_id: UUID | None) -> Bound:
    """Return the bound of a limit for a call.

    Rules that are about the same calls share a count, so that a change of a limit does not start it again.

    Args:
        key_id: of the API key that calls, if it is one; a session counts as the key behind it.
    """
    rule, limit = counted.source.rule, counted.limit
    about = rule.model_dump(mode="json", include={"operation", "environments", "keys", "arguments", "hours"})
    subject = [str(counted.source.integration.pk), about, environment.value, limit.per.value]
    if limit.each_key:
        subject.append(str(key_id))
    name = hashlib.sha256(write_json(subject).encode()).hexdigest()
    return Bound(organization_id, name, limit.calls, limit.per, counted)


def take(wanted: Sequence[Sequence[Bound]], now: datetime | None = None) -> list[Reached | None]:
    """Count calls, each if all of its bounds have room for it. Call it in the transaction that records the calls.

    Args:
        wanted: the bounds of each call, in the order in which the calls are to be counted.

    Returns:
        for each call the bound that has no room, for the longest time; None if the call is counted.
    """
    moment = now or timezone.now()
    rows = locked({(bound.organization_id, bound.name) for bounds in wanted for bound in bounds})
    found = [_taken(bounds, rows, moment) for bounds in wanted]
    for row in rows.values():
        if row.used_at == moment:
            row.save(update_fields=["counts", "used_at"])
    return found


def used(bounds: Iterable[Bound], now: datetime | None = None) -> dict[str, int]:
    """Return how many calls each bound has counted within its span now, by its name."""
    moment = (now or timezone.now()).timestamp()
    bounds = list(bounds)
    rows = {row.name: row for row in CallCounter.objects.filter(name__in=[bound.name for bound in bounds])}
    return {
        bound.name: sum(_within(rows[bound.name].counts, bound.per, moment).values()) if bound.name in rows else 0
        for bound in bounds
    }


def forget_unused() -> int:
    """Delete counters that have counted nothing for two days; return how many there were."""
    return CallCounter.objects.filter(used_at__lt=timezone.now() - FORGOTTEN_AFTER).delete()[0]


def locked(names: set[tuple[UUID, str]]) -> dict[str, CallCounter]:
    """Return the rows of counters by name, locked; rows that are missing are made."""
    found = _select(names)
    if missing := sorted(names - {(row.organization_id, row.name) for row in found.values()}):
        now = timezone.now()
        rows = [CallCounter(organization_id=owner, name=name, used_at=now) for owner, name in missing]
        CallCounter.objects.bulk_create(rows, ignore_conflicts=True)
        found = _select(names)
    return found


def _select(names: set[tuple[UUID, str]]) -> dict[str, CallCounter]:
    rows = CallCounter.objects.filter(name__in=[name for _, name in names]).order_by("name")
    return {row.name: row for row in rows.select_for_update()}


def _taken(bounds: Sequence[Bound], rows: Mapping[str, CallCounter], now: datetime) -> Reached | None:
    moment = now.timestamp()
    full = [reached for bound in bounds if (reached := _reached(bound, rows[bound.name].counts, moment))]
    if full:
        return max(full, key=lambda reached: reached.seconds)
    for bound in bounds:
        row = rows[bound.name]
        counts = _within(row.counts, bound.per, moment)
        part = str(max(_part(bound.per, moment), *map(int, counts)) if counts else _part(bound.per, moment))
        row.counts, row.used_at = {**counts, part: counts.get(part, 0) + 1}, now
    return None


def _reached(bound: Bound, counts: Counts, moment: float) -> Reached | None:
    """Return until when a bound has no room; None if it has."""
    within = _within(counts, bound.per, moment)
    over = sum(within.values()) + 1 - bound.most
    if over <= 0:
        return None
    leaving = 0
    for start in sorted(map(int, within)):
        leaving += within[str(start)]
        if leaving >= over:
            break
    leaves_at = start + _seconds(bound.per) + bound.per.span.total_seconds()
    return Reached(bound, max(1, int(leaves_at - moment) + 1))


def _within(counts: Mapping[str, int], per: Per, moment: float) -> Counts:
    """Return the parts of which any moment is within the span that ends now."""
    oldest = moment - per.span.total_seconds() - _seconds(per)
    return {start: number for start, number in counts.items() if int(start) > oldest}


def _seconds(per: Per) -> int:
    return int(per.span.total_seconds()) // PARTS


def _part(per: Per, moment: float) -> int:
    """Return the start of the part that a moment is in."""
    return int(moment) // _seconds(per) * _seconds(per)
