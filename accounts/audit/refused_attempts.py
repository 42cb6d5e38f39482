"""Refused attempts in the audit log: who tried to change what, and why it was refused.

An action that the log records when it succeeds is also recorded when it is refused. That covers changes, not reads. A
refusal for lack of authority (role, scope, environment of a key, no recent proof in the session) counts as an attempt,
and so does one that protects an object in use. A form that needs correction, an edit conflict and a missing object do
not. The event has a transaction of its own, because the action's was rolled back.

Nobody can flood the log. Of one actor's attempts at one kind of action, the first few in an hour are recorded singly;
after that only the 100th, the 1,000th and so on, each with the number of attempts so far. An attempt that is not
recorded locks nothing but the actor's own counter.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Case, F, Value, When
from django.utils import timezone

from accounts.actors import Actor
from accounts.audit import trail
from accounts.audit.trail import Event, Outcome
from accounts.common.environments import Environment
from accounts.errors import Refusal
from accounts.models import Organization, RefusedAttempts

RECORDED_SINGLY = 10
"""Attempts of one actor at one kind of action that are recorded one by one in each hour."""
NEXT_RECORDED = 10 * RECORDED_SINGLY
REASON_LENGTH = 300
FORGOTTEN_AFTER = timedelta(days=2)
RECORDED = {"permission_denied", "proof_needed", "secret_in_use", "integration_in_use"}
"""Codes of the refusals that count as attempts."""


@dataclass(frozen=True, slots=True)
class AttemptTarget:
    """The object that somebody tried to change.

    Attributes:
        id: None if the object was to be created.
        name: empty if the organization has no such object.
    """

    id: UUID | None
    name: str


Finder = Callable[[Organization, UUID], AttemptTarget | None]
_event_of_view: dict[str, Event] = {}
_finders: dict[str, Finder] = {}


@dataclass(frozen=True, slots=True)
class RefusedAttempt:
    """An action that an actor attempts, described in case it is refused."""

    actor: Actor
    event: Event
    target: AttemptTarget
    environment: Environment | None = None


def register(events: Mapping[str, Event], finders: Mapping[str, Finder]) -> None:
    """Register the views of all apps, which this app cannot import (config/refused_attempts.py).

    Args:
        events: the event that each changing view records, by the view's `module.function`.
        finders: the look-up for each id in a URL, by the name of the URL part (`secret_id`).
    """
    _event_of_view.update(events)
    _finders.update(finders)


def attempt_for(view: str, actor: Actor, url_parts: Mapping[str, Any]) -> RefusedAttempt | None:
    """Describe the attempt that a call of this view is, or return None for a view whose changes are not recorded.

    Args:
        view: the view, as `module.function`.
        url_parts: the parts of the URL, such as ids and an environment.
    """
    event = _event_of_view.get(view)
    if event is None:
        return None
    target = _target(event, actor.organization, url_parts)
    environment = next((known for known in Environment if known.value == url_parts.get("environment")), None)
    return RefusedAttempt(actor, event, target, environment)


@contextmanager
def recording_refusals(attempt: Callable[[], RefusedAttempt | None]) -> Iterator[None]:
    """Record a refusal that is raised inside the block, and raise it again. `attempt` is called only then."""
    try:
        yield
    except Refusal as refusal:
        if refusal.code in RECORDED and (found := attempt()):
            record_refusal(found, refusal)
        raise


def record_refusal(attempt: RefusedAttempt, refusal: Refusal) -> None:
    """Record a refused attempt, unless many were recorded already. Refusals of other kinds are ignored."""
    if refusal.code not in RECORDED:
        return
    with transaction.atomic():
        number = count_recorded(attempt.actor, attempt.event)
        if number is None:
            return
        trail.record(
            attempt.event,
            actor=attempt.actor,
            target=attempt.target,
            environment=attempt.environment,
            outcome=Outcome.REFUSED,
            code=refusal.code,
            reason=refusal.detail[:REASON_LENGTH],
            **attempts_so_far(number),
        )


def count_recorded(actor: Actor, event: Event) -> int | None:
    """Count an event that must not flood the log.

    Returns:
        its number in this hour if it is to be recorded, otherwise None.
    """
    number = _count(actor, event, timezone.now())
    return number if number <= RECORDED_SINGLY or _is_recorded(number) else None


def attempts_so_far(number: int) -> dict[str, Any]:
    """Return the detail of an event that stands for those before it, too."""
    return {"attempts": number} if number > RECORDED_SINGLY else {}


def forget_old() -> int:
    """Delete the counters of past hours and return how many there were."""
    return RefusedAttempts.objects.filter(hour__lt=timezone.now() - FORGOTTEN_AFTER).delete()[0]


def _target(event: Event, organization: Organization, url_parts: Mapping[str, Any]) -> AttemptTarget:
    if event.startswith("organization."):
        return AttemptTarget(organization.id, organization.name)
    for part, found in url_parts.items():
        if part in _finders and isinstance(found, UUID):
            return _finders[part](organization, found) or AttemptTarget(found, "")
    return AttemptTarget(None, "")


def _is_recorded(number: int) -> bool:
    while number > NEXT_RECORDED and number % 10 == 0:
        number //= 10
    return number == NEXT_RECORDED


def _count(actor: Actor, event: Event, now: datetime) -> int:
    """Count an event and return its number in this hour. The counter stays locked until the transaction ends."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    who = {"organization": actor.organization, "actor_id": actor.id, "event": event.value}
    RefusedAttempts.objects.get_or_create(**who, defaults={"hour": hour})
    row = RefusedAttempts.objects.filter(**who)
    row.update(hour=hour, number=Case(When(hour=hour, then=F("number") + 1), default=Value(1)))
    return row.values_list("number", flat=True).get()
