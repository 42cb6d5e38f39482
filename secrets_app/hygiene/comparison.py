"""The comparison that finds equal and very short values, run in memory on request of an owner or admin.

Neither lengths nor fingerprints are stored, so this cannot be a query. It opens every value, so each comparison is
recorded in the audit log and limited to one every 30 seconds for an organization.
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
from secrets_app.sealing.fingerprints import Fingerprinter
from secrets_app.sealing.resolver import FingerprintedValue

COMPARED_AT_MOST = 20_000
EVERY_SECONDS = 30


@dataclass(frozen=True, slots=True)
class ValueLocation:
    """A secret and some of the environments in which it has a value."""

    secret_id: UUID
    name: str
    environments: list[Environment]


@dataclass(frozen=True, slots=True)
class SharedValue:
    """The places that hold the same value: several secrets, or several environments of one secret."""

    places: list[ValueLocation]

    @property
    def is_live_elsewhere(self) -> bool:
        """Whether a Production value is also used in another environment."""
        environments = {environment for place in self.places for environment in place.environments}
        return Environment.PRODUCTION in environments and len(environments) > 1


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of a comparison.

    `compared` and `unopened` count the values that could and could not be opened. `is_partial` says that the limit was
    reached, so that there may be more values.
    """

    several_secrets: list[SharedValue]
    several_environments: list[SharedValue]
    short: list[ValueLocation]
    compared: int
    unopened: int
    is_partial: bool

    @property
    def groups(self) -> int:
        """The number of values that occur more than once."""
        return len(self.several_secrets) + len(self.several_environments)


def compare_values(*, actor: Actor) -> Comparison:
    """Open and compare the current values of the organization.

    Raises:
        PermissionDenied: the actor may not write secrets in every environment.
        RateLimited: the last comparison was less than `EVERY_SECONDS` ago.
    """
    actor.check(Permission.SECRETS_WRITE)
    actor.check_environments(*Environment)
    if not cache.add(f"values-compared:{actor.organization.id}", 1, timeout=EVERY_SECONDS):
        raise RateLimited(f"Values were compared less than {EVERY_SECONDS} seconds ago. Try again in a moment.")
    with transaction.atomic():
        trail.record(trail.Event.ORGANIZATION_VALUES_COMPARED, actor=actor, target=actor.organization)
    values, unopened = resolver.fingerprint_values(
        actor.organization, Fingerprinter(), actor=actor, limit=COMPARED_AT_MOST
    )
    groups = _groups(values)
    return Comparison(
        several_secrets=[group for group in groups if len(group.places) > 1],
        several_environments=[group for group in groups if len(group.places) == 1],
        short=_places(value for value in values if value.is_short),
        compared=len(values),
        unopened=unopened,
        is_partial=len(values) + unopened >= COMPARED_AT_MOST,
    )


def _groups(values: Iterable[FingerprintedValue]) -> list[SharedValue]:
    """Return the values that occur more than once, beginning with Production values used in other environments."""
    by_fingerprint: dict[bytes, list[FingerprintedValue]] = defaultdict(list)
    for value in values:
        by_fingerprint[value.fingerprint].append(value)
    groups = [SharedValue(_places(equal)) for equal in by_fingerprint.values() if len(equal) > 1]
    return sorted(groups, key=lambda group: not group.is_live_elsewhere)


def _places(values: Iterable[FingerprintedValue]) -> list[ValueLocation]:
    found: dict[tuple[UUID, str], list[Environment]] = defaultdict(list)
    for value in values:
        found[value.secret_id, value.name].append(value.environment)
    return [ValueLocation(secret_id, name, in_order(environments)) for (secret_id, name), environments in found.items()]
