"""How endpoints and deliveries read on pages: states in words, the last 24 hours as bars."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import TruncHour
from django.utils import timezone

from accounts.actors import Actor
from accounts.common.paging import Page, decode_cursor, encode_cursor, not_of_this_list
from accounts.common.when import ahead_in_words
from integrations.alerts.choices import KINDS
from integrations.alerts.delivery import STATUS, WAITS
from integrations.alerts.endpoints import endpoints_of
from integrations.alerts.events import EVENT_TYPES, GROUPS, in_group
from integrations.models import AlertEndpoint, Delivery, DeliveryState, DeliveryTry, EndpointKind, Pause

PERIODS, PERIOD_HOURS = 12, 2
SHOWN = timedelta(hours=PERIODS * PERIOD_HOURS)
PROBLEMS = {
    "upstream_timeout": "No answer within 10 s",
    "upstream_unreachable": "Could not be reached",
    "upstream_tls": "No certificate that is trusted",
    "egress_denied": "Its address may not be called",
    "secret_unreadable": "Its signing secret or address does not open",
}
PAUSED = {
    Pause.PERSON: "By a person",
    Pause.FAILURES: "After 24 h of failures",
    Pause.GONE: "The receiver said that it is gone (410)",
}


def problem_in_words(problem: str) -> str:
    """Return what went wrong: a status, or the reason for none."""
    return f"Answered {problem}" if problem.isdigit() else PROBLEMS.get(problem, problem.replace("_", " ").capitalize())


@dataclass
class EndpointRow:
    """An endpoint as pages show it; `periods` are pairs of a period's number and whether it had no failure."""

    endpoint: AlertEndpoint
    now: datetime
    periods: list[tuple[int, bool]] = field(default_factory=list)

    @cached_property
    def kind(self) -> EndpointKind:
        """How it is told."""
        return EndpointKind(self.endpoint.kind)

    @cached_property
    def kind_in_words(self) -> str:
        """What people call its kind."""
        return KINDS[self.kind]

    @property
    def look(self) -> str:
        """`ok`, `bad` or `off`."""
        return "off" if self.endpoint.paused else "bad" if self.endpoint.failing_since else "ok"

    @property
    def word(self) -> str:
        """Its state in a word."""
        return {"off": "Paused", "bad": "Failing", "ok": "Delivering"}[self.look]

    @property
    def detail(self) -> str:
        """Why it is in that state."""
        if self.endpoint.paused:
            return PAUSED[Pause(self.endpoint.paused)]
        if not self.endpoint.failing_since:
            return ""
        return f"{self.problem} since {self.endpoint.failing_since:%H:%M} UTC, next try {self.next_try}"

    @property
    def problem(self) -> str:
        """The last failure in words."""
        return problem_in_words(self.endpoint.problem)

    @property
    def next_try(self) -> str:
        """When it is tried next."""
        return ahead_in_words(self.endpoint.next_try_at, self.now) if self.endpoint.next_try_at else "now"

    @property
    def waiting(self) -> int:
        """How many events wait."""
        return int(getattr(self.endpoint, "waiting", 0))

    @property
    def said(self) -> str:
        """The bars in words."""
        good = sum(is_good for _, is_good in self.periods)
        return f"{good} of {len(self.periods)} periods of 2 hours without failure"

    @property
    def signs_twice(self) -> bool:
        """Whether the replaced secret still signs along."""
        return bool(self.endpoint.signing_before_until and self.endpoint.signing_before_until > self.now)


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """A row of the table of channels: events, and whether each channel is told of all of them."""

    number: int
    words: str
    names: str
    cells: list[tuple[EndpointRow, bool]]


def rows_of(actor: Actor) -> tuple[list[EndpointRow], list[EndpointRow]]:
    """Return the channels that people read, and the webhooks and streams. Raises PermissionDenied."""
    now = timezone.now()
    endpoints = list(endpoints_of(actor))
    bars = _bars([endpoint.pk for endpoint in endpoints], now)
    rows = [EndpointRow(endpoint, now, bars[endpoint.pk]) for endpoint in endpoints]
    return [row for row in rows if row.kind.is_channel], [row for row in rows if not row.kind.is_channel]


def matrix(channels: Sequence[EndpointRow]) -> list[MatrixRow]:
    """Return the table of who is told of what."""
    rows = []
    for number, group in enumerate(GROUPS):
        names = [event_type.name for event_type in in_group(group)]
        cells = [(row, set(names) <= set(row.endpoint.events)) for row in channels]
        rows.append(MatrixRow(number, group, ", ".join(names), cells))
    return rows


def row_of(endpoint: AlertEndpoint) -> EndpointRow:
    """Return one endpoint as its page shows it."""
    return EndpointRow(endpoint, timezone.now())


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery with its last try."""

    delivery: Delivery
    tries: int
    status: int | None
    code: str | None
    duration_ms: int | None

    @property
    def look(self) -> str:
        """`ok`, `warn` while it waits after a failure, or `off` before its first try."""
        if self.delivery.state == DeliveryState.DELIVERED.value:
            return "ok"
        return "warn" if self.tries else "off"

    @property
    def result(self) -> str:
        """What came of it."""
        if self.look == "ok":
            return str(self.status) if self.status else "Handed to the mail server's queue"
        if not self.tries:
            return "Waiting"
        last = str(self.status) if self.code == STATUS else problem_in_words(self.code or "")
        return f"{last}, try {self.tries}" if self.code else f"Waiting, try {self.tries + 1}"


def deliveries(endpoint: AlertEndpoint, *, waiting: bool, cursor: str, limit: int) -> Page[DeliveryRow]:
    """Return a page of deliveries, newest first.

    Raises:
        Invalid: the cursor does not belong to this list.
    """
    last = DeliveryTry.objects.filter(delivery=OuterRef("pk")).order_by("-pk")
    found = Delivery.objects.filter(endpoint=endpoint).order_by("-number").defer("body")
    if waiting:
        found = found.filter(state=DeliveryState.WAITING.value)
    if cursor:
        found = found.filter(number__lt=_position(cursor))
    columns: dict[str, Any] = {name: Subquery(last.values(name)[:1]) for name in ("status", "code", "duration_ms")}
    annotated = found.annotate(number_of_tries=Count("tries"), **{f"last_{name}": one for name, one in columns.items()})
    rows = [_delivery_row(row) for row in annotated[: limit + 1]]
    more = encode_cursor([str(rows[limit - 1].delivery.number)]) if len(rows) > limit else None
    return Page(rows[:limit], more)


def one_delivery(delivery: Delivery) -> tuple[DeliveryRow, list[DeliveryTry]]:
    """Return a delivery with all of its tries, newest first."""
    tries = list(delivery.tries.order_by("-pk")[:100])
    last = tries[0] if tries else None
    if last is None:
        return DeliveryRow(delivery, 0, None, None, None), tries
    return DeliveryRow(delivery, len(tries), last.status, last.code, last.duration_ms), tries


def tries_at_most() -> int:
    """Return how often an event is tried within a day of failures."""
    waited, tries = timedelta(), 1
    while waited < timedelta(hours=24):
        waited += WAITS[min(tries - 1, len(WAITS) - 1)]
        tries += 1
    return tries


def event_choices(chosen: Sequence[str]) -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """Return the events to choose from by group: name, words and whether it is chosen."""
    return [
        (
            group,
            [(one.name, one.words.rstrip(":"), one.name in chosen) for one in EVENT_TYPES if one.group == group],
        )
        for group in GROUPS
    ]


def _delivery_row(row: Any) -> DeliveryRow:
    return DeliveryRow(row, row.number_of_tries, row.last_status, row.last_code, row.last_duration_ms)


def _position(cursor: str) -> int:
    (number,) = decode_cursor(cursor, length=1)
    if not number.isdigit() or len(number) > 18:  # noqa: PLR2004 - digits of a number that the database takes
        raise not_of_this_list()
    return int(number)


def _bars(ids: Sequence[UUID], now: datetime) -> dict[UUID, list[tuple[int, bool]]]:
    """Return the periods of the last 24 hours in which something was sent to each endpoint."""
    recent = DeliveryTry.objects.filter(delivery__endpoint__in=ids, at__gt=now - SHOWN)
    hours = recent.annotate(hour=TruncHour("at")).values("delivery__endpoint", "hour").order_by()
    good: dict[UUID, dict[int, bool]] = defaultdict(dict)
    for found in hours.annotate(failed=Count("pk", filter=~Q(code=""))):
        period = PERIODS - 1 - int((now - found["hour"]).total_seconds() // 3600) // PERIOD_HOURS
        period, periods = max(period, 0), good[found["delivery__endpoint"]]
        periods[period] = periods.get(period, True) and not found["failed"]
    return {pk: sorted(good[pk].items()) if pk in good else [] for pk in ids}
