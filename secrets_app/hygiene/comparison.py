"""Which values are the same, and which are very short: found in memory, when an owner or admin asks.

Neither lengths nor fingerprints are stored, so this cannot be a query. Each comparison is recorded, and an organization
has one at a time: opening every value is work, and should not happen unseen or often.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.core.cache import cache
from django.db import transaction

from accounts.actors import Actor
from accounts.audit import trail
from accounts.common.environments import Environment, in_order
from accounts.errors import RateLimited
from accounts.policy import Permission
from secrets_app.sealing import resolver
from secrets_app.sealing.resolver import Marked
from secrets_app.sealing.sameness import Fingerprints

COMPARED_AT_MOST = 20_000
EVERY_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Place:
    """A secret, and some environments in which it has a value."""

    secret_id: UUID
    name: str
    environments: list[Environment]


@dataclass(frozen=True, slots=True)
class Group:
    """Places that hold one and the same value; more than one secret, or one secret in several environments."""

    places: list[Place]

    @property
    def is_live_elsewhere(self) -> bool:
        """Whether a Production value is used outside Production too."""
        environments = {environment for place in self.places for environment in place.environments}
        return Environment.PRODUCTION in environments and len(environments) > 1


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found. `compared` values were opened, `unopened` could not be; `is_partial` when there are more."""

    several_secrets: list[Group]
    several_environments: list[Group]
    short: list[Place]
    compared: int
    unopened: int
    is_partial: bool

    @property
    def groups(self) -> int:
        """How many values occur more than once."""
        return len(self.several_secrets) + len(self.several_environments)


def compare_values(*, actor: Actor) -> Comparison:
    """Open and compare the current values of the organization.

    Raises:
        PermissionDenied: the actor may not write secrets, or not in every environment.
        RateLimited: there was a comparison less than `EVERY_SECONDS` ago.
    """
    actor.check(Permission.SECRETS_WRITE)
    actor.check_environments(*Environment)
    if not cache.add(f"values-compared:{actor.organization.id}", 1, timeout=EVERY_SECONDS):
        raise RateLimited(f"Values were compared less than {EVERY_SECONDS} seconds ago. Try again in a moment.")
    with transaction.atomic():
        trail.record(trail.Event.ORGANIZATION_VALUES_COMPARED, actor=actor, target=actor.organization)
    marked, unopened = resolver.marked_values(actor.organization, Fingerprints(), actor=actor, limit=COMPARED_AT_MOST)
    groups = _groups(marked)
    return Comparison(
        several_secrets=[group for group in groups if len(group.places) > 1],
        several_environments=[group for group in groups if len(group.places) == 1],
        short=_places(value for value in marked if value.is_short),
        compared=len(marked),
        unopened=unopened,
        is_partial=len(marked) + unopened >= COMPARED_AT_MOST,
    )


def _groups(marked: Iterable[Marked]) -> list[Group]:
    """Values that occur more than once; those that carry a live key out of Production come first."""
    by_mark: dict[bytes, list[Marked]] = defaultdict(list)
    for value in marked:
        by_mark[value.mark].append(value)
    groups = [Group(_places(values)) for values in by_mark.values() if len(values) > 1]
    return sorted(groups, key=lambda group: not group.is_live_elsewhere)


def _places(values: Iterable[Marked]) -> list[Place]:
    found: dict[tuple[UUID, str], list[Environment]] = defaultdict(list)
    for value in values:
        found[value.secret_id, value.name].append(value.environment)
    return [Place(secret_id, name, in_order(environments)) for (secret_id, name), environments in found.items()]
