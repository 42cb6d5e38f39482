"""Refused attempts in the audit log: who tried which change of what, and why it was refused.

What is in the log when it is done is in the log when it is refused: changes, not reading. A refusal of authority (role,
scope, environment of a key, a session in which nobody has proven themselves lately) and one that protects what is in
use are attempts; a form that needs correcting, two people saving at once, and a thing that is not there are not. The
event has a transaction of its own: the act's is gone.

Nobody can fill the log: of one actor's attempts at one kind of act in one hour the first few are events; after that
only the 100th, the 1,000th and so on, each of which says how many there were. An attempt that leaves no event locks
nothing but the actor's own counter.
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
"""Attempts of one actor at one kind of act that are told one by one, in each hour."""
NEXT_RECORDED = 10 * RECORDED_SINGLY
REASON_LENGTH = 300
FORGOTTEN_AFTER = timedelta(days=2)
RECORDED = {"permission_denied", "proof_needed", "secret_in_use", "integration_in_use"}
"""Codes of the refusals that are attempts."""


@dataclass(frozen=True, slots=True)
class AttemptTarget:
    """What somebody tried to change: no id where it was to be made, no name where the organization has none such."""

    id: UUID | None
    name: str


Finder = Callable[[Organization, UUID], AttemptTarget | None]
_event_of_view: dict[str, Event] = {}
_finders: dict[str, Finder] = {}


@dataclass(frozen=True, slots=True)
class RefusedAttempt:
    """One act that somebody is about to try."""

    actor: Actor
    event: Event
    target: AttemptTarget
    environment: Environment | None = None


def register(events: Mapping[str, Event], finders: Mapping[str, Finder]) -> None:
    """Take in what this app cannot register itself (config/refused_attempts.py).

    Args:
        acts: the door that changes something, as `module.function`, and the event that its act leaves.
        finders: for each part of an address that is an id (`secret_id`), the look-up of what it names.
    """
    _event_of_view.update(events)
    _finders.update(finders)


def attempt_for(view: str, actor: Actor, parts: Mapping[str, Any]) -> RefusedAttempt | None:
    """The attempt that a call of this door is; None for a door that changes nothing which the log tells.

    Args:
        parts: what the address names: ids, an environment.
    """
    event = _event_of_view.get(view)
    if event is None:
        return None
    target = _target(event, actor.organization, parts)
    environment = next((known for known in Environment if known.value == parts.get("environment")), None)
    return RefusedAttempt(actor, event, target, environment)


@contextmanager
def recording_refusals(attempt: Callable[[], RefusedAttempt | None]) -> Iterator[None]:
    """Note a refusal that passes by. `attempt` is asked for only then."""
    try:
        yield
    except Refusal as refusal:
        if refusal.code in RECORDED and (found := attempt()):
            record_refusal(found, refusal)
        raise


def record_refusal(attempt: RefusedAttempt, refusal: Refusal) -> None:
    """Write the event of a refused attempt, unless there were many of them already; other refusals leave nothing."""
    if refusal.code not in RECORDED:
        return
    with transaction.atomic():
        number = _count(attempt, timezone.now())
        if number > RECORDED_SINGLY and not _is_recorded(number):
            return
        trail.record(
            attempt.event,
            actor=attempt.actor,
            target=attempt.target,
            environment=attempt.environment,
            outcome=Outcome.REFUSED,
            code=refusal.code,
            reason=refusal.detail[:REASON_LENGTH],
            **({"attempts": number} if number > RECORDED_SINGLY else {}),
        )


def forget_old() -> int:
    """Drop counters of hours that are over. Returns how many."""
    return RefusedAttempts.objects.filter(hour__lt=timezone.now() - FORGOTTEN_AFTER).delete()[0]


def _target(event: Event, organization: Organization, parts: Mapping[str, Any]) -> AttemptTarget:
    if event.startswith("organization."):
        return AttemptTarget(organization.id, organization.name)
    for part, found in parts.items():
        if part in _finders and isinstance(found, UUID):
            return _finders[part](organization, found) or AttemptTarget(found, "")
    return AttemptTarget(None, "")


def _is_recorded(number: int) -> bool:
    while number > NEXT_RECORDED and number % 10 == 0:
        number //= 10
    return number == NEXT_RECORDED


def _count(attempt: RefusedAttempt, now: datetime) -> int:
    """Count it; which one of this hour it is. Its row stays locked until the transaction ends."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    who = {"organization": attempt.actor.organization, "actor_id": attempt.actor.id, "event": attempt.event.value}
    RefusedAttempts.objects.get_or_create(**who, defaults={"hour": hour})
    row = RefusedAttempts.objects.filter(**who)
    row.update(hour=hour, number=Case(When(hour=hour, then=F("number") + 1), default=Value(1)))
    return row.values_list("number", flat=True).get()
