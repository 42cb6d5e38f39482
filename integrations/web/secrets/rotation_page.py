"""The content of the rotation pages, read from what is stored."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q
from django.http import QueryDict
from django.utils import timezone

from accounts.actors import Actor
from accounts.common.environments import Environment, SharedEnvironments
from accounts.common.when import left_in_words
from integrations.models import Run, RunOutcome, RunSecret
from integrations.rotation.checks import ReferenceCheck
from integrations.rotation.rotation import look
from secrets_app.inventory.rows import EnvironmentState, InventoryRow, Rotating
from secrets_app.models import Secret, SecretValue
from secrets_app.rotation.previous_values import previous_value

REFUSED_BY_PROVIDER = (401, 403)

Target = Environment | SharedEnvironments
"""The environment of a rotation, or those that one value was entered for."""


@dataclass(frozen=True, slots=True)
class Verify:
    """The staged value of each environment, and their checks."""

    staged: list[SecretValue]
    checked: list[ReferenceCheck]

    @property
    def passed(self) -> int:
        """How many references accepted the value."""
        return sum(reference_check.passed for reference_check in self.checked)

    @property
    def tried(self) -> int:
        """How many references have a result."""
        return sum(reference_check.tried for reference_check in self.checked)

    @property
    def missed(self) -> list[ReferenceCheck]:
        """The references that a promotion has to accept."""
        return [reference_check for reference_check in self.checked if not reference_check.passed]

    @property
    def failed(self) -> list[ReferenceCheck]:
        """The references that refused the value."""
        return [reference_check for reference_check in self.checked if reference_check.failed]

    @property
    def is_final(self) -> bool:
        """Whether every reference has a result."""
        return self.tried == len(self.checked)


@dataclass(frozen=True, slots=True)
class Window:
    """Previous values that can be rolled back to, by environment, and the calls since."""

    states: dict[Environment, EnvironmentState]
    retired_at: datetime
    retired_by: str
    until: datetime
    calls: int
    refused: int

    @property
    def left(self) -> str:
        """The remaining time: `23 h 54 min`."""
        return left_in_words(self.until, timezone.now())


@dataclass(frozen=True, slots=True)
class Seen:
    """A submitted promotion: the values and results that the person saw, and whether they accept them."""

    staged: dict[Environment, UUID]
    accepted: dict[Environment, frozenset[UUID]]
    accepts: bool


def environments_of(target: Target) -> tuple[Environment, ...]:
    """Return the environments of a target."""
    return target.environments if isinstance(target, SharedEnvironments) else (target,)


def target_named(text: str, rotations: Iterable[Rotating]) -> Target | None:
    """Return the environment of this name, or for `all` those that one value was entered for; None if there are none.

    Args:
        rotations: the staged values, or the windows, of the secret.
    """
    if text == SharedEnvironments.value:
        return next((where for where, _, _ in rotations if isinstance(where, SharedEnvironments)), None)
    return chosen_environment(text)


def verify_of(actor: Actor, secret_id: UUID, target: Target) -> Verify:
    """Return the content of the verify page.

    Raises:
        NothingStaged: there is no staged value.
    """
    found = [look(actor, secret_id, environment) for environment in environments_of(target)]
    return Verify([staged for staged, _ in found], [each for _, checked in found for each in checked])


def window_of(actor: Actor, row: InventoryRow, target: Target) -> Window | None:
    """Return the roll-back window; None if it has ended or there is no previous value."""
    environments = environments_of(target)
    secret = Secret.objects.fetch(actor.organization, row.id) if row.id else None
    previous = previous_value(secret, environments[0]) if secret else None
    if secret is None or previous is None or previous.retired_at is None or previous.rollback_until is None:
        return None
    states = {where: row.environments[where] for where in environments}
    counts = [_calls_since(previous.retired_at, secret.pk, where, state.version) for where, state in states.items()]
    calls, refused = (sum(numbers) for numbers in zip(*counts, strict=True))
    return Window(states, previous.retired_at, previous.retired_by, previous.rollback_until, calls, refused)


def chosen_environment(text: str) -> Environment | None:
    """Return the environment of this name; None if there is none."""
    return next((environment for environment in Environment if environment.value == text), None)


def page_of(post: QueryDict) -> Seen:
    """Read a submitted promotion; what is malformed is ignored."""
    accepted: dict[Environment, set[UUID]] = {environment: set() for environment in Environment}
    for environment, reference in _marked(post.getlist("accepted")):
        accepted[environment].add(reference)
    seen = {environment: frozenset(references) for environment, references in accepted.items()}
    return Seen(dict(_marked(post.getlist("staged"))), seen, "accept_failures" in post)


def seen_values(post: QueryDict) -> dict[Environment, UUID]:
    """Return the ids of the values that the person saw when they submitted the form."""
    return dict(_marked(post.getlist("seen")))


def _marked(texts: list[str]) -> list[tuple[Environment, UUID]]:
    """Read texts such as `staging:ID`."""
    found = []
    for text in texts:
        name, _, key = text.partition(":")
        environment = chosen_environment(name)
        try:
            found += [(environment, UUID(key))] if environment else []
        except ValueError:
            continue
    return found


def _calls_since(since: datetime, secret_id: UUID, environment: Environment, version: int | None) -> tuple[int, int]:
    """Return how many calls used a version since then, and how many of them the provider refused."""
    used = RunSecret.objects.filter(secret_id=secret_id, version=version or 0, started_at__gte=since).values("run")
    runs = Run.objects.filter(pk__in=used, environment=environment.value).exclude(outcome=RunOutcome.REFUSED.value)
    counts = runs.aggregate(calls=Count("pk"), refused=Count("pk", filter=Q(status__in=REFUSED_BY_PROVIDER)))
    return counts["calls"], counts["refused"]
