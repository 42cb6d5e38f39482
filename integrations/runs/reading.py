"""Reading the list of runs: filters, pages, bounded counts and everything in batches, newest first.

Each filter has an index in the order of the list (integrations/models.py), a page starts where the one before ended,
and a count stops at some number, so a page costs the same among a thousand runs and a million.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from accounts.actors import Actor
from accounts.audit.log import UUID_TEXT
from accounts.common.environments import Environment
from accounts.common.paging import Page, encode_cursor, moment_and_id
from accounts.errors import NotFound
from accounts.policy import Permission
from integrations.broker.ledger import LONGEST_RUN
from integrations.models import Run, RunOutcome
from integrations.querysets import RunQuerySet

BATCH = 500
"""Runs in memory at a time while everything is read."""
COUNTED_AT_MOST, COUNTED_ONE_BY_ONE = 10_000, 2_000
"""Where a count stops. The runs of a secret or an integration are counted row by row, others in an index."""
NEW_AT_MOST = 99
SEARCHED_AT_MOST = 5_000
"""How many of the newest runs that match the other filters a text is looked for in."""
FAILURES = {RunOutcome.UPSTREAM_ERROR, RunOutcome.REFUSED, RunOutcome.FAILED}
CLASSES = {f"{hundred}xx": (hundred * 100, hundred * 100 + 99) for hundred in range(1, 6)}
"""The ranges of HTTP statuses that a filter may name."""
FIRST_ERROR = 400
SEARCHED = ("operation", "note", "host", "integration_name", "caller")


@dataclass(frozen=True, slots=True)
class RunFilters:
    """The runs to show; an empty field does not filter.

    Attributes:
        text: the whole id of a run or a request; else part of an operation, a note, a host, the name of an integration
            or of a caller.
        caller: the id of a person or an API key; runs of a key's sessions are among the key's.
        outcome: `started` finds those that are under way, not those that were broken off.
        status: an HTTP status, or a class of them such as `5xx`.
    """

    text: str = ""
    integration: UUID | None = None
    secret: UUID | None = None
    environment: Environment | None = None
    caller: UUID | None = None
    outcome: RunOutcome | None = None
    code: str = ""
    status: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def counted_at_most(self) -> int:
        """Where a count of these runs stops."""
        return COUNTED_ONE_BY_ONE if self.secret or self.integration else COUNTED_AT_MOST

    @property
    def moment(self) -> str:
        """The column that orders the list: that of the index by which the fewest runs are looked at.

        Runs that did not work are few, so among those of a secret their index comes first.
        """
        is_rare = self.outcome in FAILURES or bool(self.code) or self.status[:1] in {"4", "5"}
        return "secrets__started_at" if self.secret and not is_rare else "started_at"


def find_run(actor: Actor, run_id: UUID) -> Run:
    """Return one run with its secrets.

    Raises:
        NotFound: there is no such run, or the actor may not see it.
        PermissionDenied: the actor may not read runs.
    """
    actor.check(Permission.RUNS_READ)
    run = Run.objects.visible_to(actor).filter(pk=run_id).prefetch_related("secrets").first()
    if run is None:
        raise NotFound("No such run. Runs are kept for as long as the settings of the organization say.")
    return run


def page(actor: Actor, filters: RunFilters, *, cursor: str = "", limit: int, newer: bool = False) -> Page[Run]:
    """Return one page of the runs that the actor may see, each with its secrets.

    Args:
        cursor: the position of a run (`position_of`); empty for the newest runs.
        newer: the page before that position instead of the page after it.

    Raises:
        PermissionDenied: the actor may not read runs.
        Invalid: the cursor does not belong to this list.
    """
    beyond = _beyond(filters, cursor, newer=newer) if cursor else Q()
    runs = _ordered(_matching(actor, filters, beyond), filters, reverse=newer).prefetch_related("secrets")
    found = list(runs[: limit + 1])
    shown = found[:limit]
    if newer:
        shown.reverse()
        return Page(shown, position_of(shown[-1]) if shown else None)
    return Page(shown, position_of(shown[-1]) if len(found) > limit else None)


def count(actor: Actor, filters: RunFilters) -> int:
    """Return how many runs match; `counted_at_most` and one if there are more."""
    return _matching(actor, filters).order_by()[: filters.counted_at_most + 1].count()


def count_newer(actor: Actor, filters: RunFilters, cursor: str) -> int:
    """Return how many runs match that are newer than a position; `NEW_AT_MOST` and one if there are more."""
    newer = _matching(actor, filters, _beyond(filters, cursor, newer=True) if cursor else Q())
    return newer.order_by()[: NEW_AT_MOST + 1].count()


def batches(actor: Actor, filters: RunFilters) -> Iterator[list[Run]]:
    """Yield every run that the actor may see, in batches. No query stays open between two batches."""
    found = page(actor, filters, limit=BATCH)
    while found.items:
        yield found.items
        if found.next_cursor is None:
            return
        found = page(actor, filters, cursor=found.next_cursor, limit=BATCH)


def position_of(run: Run) -> str:
    """Return the cursor of the page that follows a run."""
    return encode_cursor([run.started_at.isoformat(), str(run.pk)])


def _matching(actor: Actor, filters: RunFilters, beyond: Q | None = None) -> RunQuerySet[Run]:
    """Return the runs that match and are beyond a position.

    All conditions on the secret's row are in one call of `filter`, so that they are about the same row.
    """
    actor.check(Permission.RUNS_READ)
    text, others = filters.text, replace(filters, text="")
    matching = Run.objects.visible_to(actor).filter(_conditions(others), beyond or Q())
    if not text:
        return matching
    if ids := _named(actor, text):
        return matching.filter(pk__in=ids)
    last = _ordered(Run.objects.visible_to(actor).filter(_conditions(others)), filters)
    oldest = next(iter(last.values_list(filters.moment, flat=True)[SEARCHED_AT_MOST - 1 : SEARCHED_AT_MOST]), None)
    within = Q(started_at__gte=oldest) if oldest else Q()
    return matching.filter(within, _contains(text))


def _named(actor: Actor, text: str) -> list[UUID]:
    """Return the runs whose id, or whose request's id, is the text."""
    runs = Run.objects.visible_to(actor)
    own = list(runs.filter(pk=UUID(text)).values_list("pk", flat=True)) if UUID_TEXT.fullmatch(text) else []
    return own or list(runs.filter(request_id=text).values_list("pk", flat=True)[:BATCH])


def _contains(text: str) -> Q:
    found = Q()
    for column in SEARCHED:
        found |= Q(**{f"{column}__icontains": text})
    return found


def _conditions(filters: RunFilters) -> Q:
    wanted: dict[str, object] = {
        "integration_id": filters.integration,
        "secrets__secret_id": filters.secret,
        "environment": filters.environment and filters.environment.value,
        "principal_id": filters.caller,
        "error_code": filters.code,
        f"{filters.moment}__gte": filters.since,
        f"{filters.moment}__lt": filters.until,
    }
    equal = Q(**{name: value for name, value in wanted.items() if value not in {None, ""}})
    return equal & _outcome(filters.outcome) & _status(filters.status)


def _outcome(outcome: RunOutcome | None) -> Q:
    if outcome is None:
        return Q()
    if outcome in FAILURES:
        return Q(failure=outcome.value)
    started = Q(started_at__gte=timezone.now() - LONGEST_RUN) if outcome is RunOutcome.STARTED else Q()
    return Q(outcome=outcome.value) & started


def _status(status: str) -> Q:
    if not status:
        return Q()
    if status in CLASSES:
        first, last = CLASSES[status]
        column = "error_status" if first >= FIRST_ERROR else "status"
        return Q(**{f"{column}__gte": first, f"{column}__lte": last})
    number = int(status)
    return Q(error_status=number) if number >= FIRST_ERROR else Q(status=number)


def _ordered(runs: RunQuerySet[Run], filters: RunFilters, *, reverse: bool = False) -> RunQuerySet[Run]:
    return runs.order_by(filters.moment, "id") if reverse else runs.order_by(f"-{filters.moment}", "-id")


def _beyond(filters: RunFilters, cursor: str, *, newer: bool) -> Q:
    """Return the condition of the runs after a position, or before it. Its first part bounds the index scan."""
    moment, last = moment_and_id(cursor)
    sign = "gt" if newer else "lt"
    column = filters.moment
    beyond = Q(**{f"{column}__{sign}": moment}) | Q(**{column: moment, f"pk__{sign}": last})
    return Q(**{f"{column}__{sign}e": moment}) & beyond
