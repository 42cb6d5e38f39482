"""The rows of the inventory: the facts about a secret and its values in each environment, without any value."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts.common.environments import Environment, SharedEnvironments
from secrets_app.models import Secret, SecretValue, ValueState
from secrets_app.naming import expiry
from secrets_app.sealing import keyring


@dataclass(frozen=True, slots=True)
class EnvironmentState:
    """The state of a secret in one environment. `state` is `set`, `missing` or `unreadable`."""

    state: str
    version: int | None = None
    updated_at: datetime | None = None
    updated_by: str | None = None
    entered_once: UUID | None = None
    staged_at: datetime | None = None
    staged_id: UUID | None = None
    staged_once: UUID | None = None
    rollback_until: datetime | None = None
    previous_id: UUID | None = None
    retired_at: datetime | None = None


NOTHING = EnvironmentState("missing")


Rotating = tuple[Environment | SharedEnvironments, dict[Environment, EnvironmentState], EnvironmentState]
"""Where a rotation is under way: the environment or several, their states, and the state of the first."""


@dataclass(frozen=True, slots=True)
class InventoryRow:
    """A row of the inventory. `id` is None for a name that is referenced but does not exist."""

    id: UUID | None
    name: str
    description: str
    enabled: bool
    status: str
    environments: dict[Environment, EnvironmentState]
    allowed_domains: list[str]
    usage_count: int
    last_used_at: datetime | None
    integration_count: int = 0
    lacking: list[Environment] = field(default_factory=list)
    is_identifier: bool = False
    required_in: frozenset[Environment] = frozenset()
    rotate_every_days: int | None = None
    expires_on: date | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    version: int | None = None
    references: list[Any] = field(default_factory=list)

    @property
    def exists(self) -> bool:
        """Whether a secret has this name."""
        return self.id is not None

    @property
    def reference(self) -> str:
        """The placeholder for this name, such as `{secrets.NAME}`."""
        return f"{{secrets.{self.name}}}"

    @property
    def usage(self) -> str:
        """Its use in words: `2 references`, or `1 reference, 3 integrations` if a connection passes it on."""
        if not self.usage_count:
            return "No active references yet"
        references = _counted(self.usage_count, "reference")
        if self.integration_count <= self.usage_count:
            return references
        return f"{references}, {_counted(self.integration_count, 'integration')}"

    @property
    def states(self) -> dict[str, str]:
        """The state by environment value, for templates."""
        return {environment.value: entry.state for environment, entry in self.environments.items()}

    @property
    def rotation_due_at(self) -> datetime | None:
        """The time at which the rotation of the oldest value is due, or None without an interval or a value."""
        entered = [entry.updated_at for entry in self.environments.values() if entry.updated_at]
        return min(entered) + timedelta(days=self.rotate_every_days) if self.rotate_every_days and entered else None

    @property
    def rotation_overdue(self) -> bool:
        """Whether the rotation is overdue."""
        return self.rotation_due_at is not None and self.rotation_due_at <= timezone.now()

    @property
    def expiry(self) -> str:
        """When it expires, in words, if that is soon or over; otherwise empty."""
        return expiry.in_words(self.expires_on) if self.expires_on and expiry.is_soon(self.expires_on) else ""

    @property
    def has_expired(self) -> bool:
        """Whether its last day is over."""
        return self.expires_on is not None and expiry.days_left(self.expires_on) < 0

    @property
    def staged(self) -> list[Rotating]:
        """The environments in which a value is staged, with those together that one value was entered for."""
        return _together({where: state for where, state in self.environments.items() if state.staged_at}, "staged_once")

    @property
    def windows(self) -> list[Rotating]:
        """The environments in which a previous value can be rolled back, together as in `staged`."""
        states = {where: state for where, state in self.environments.items() if state.rollback_until}
        return _together(states, "entered_once")

    @property
    def shared(self) -> bool:
        """Whether one value was entered for all environments and none has been replaced since."""
        entries = {entry.entered_once for entry in self.environments.values()}
        return len(entries) == 1 and None not in entries


def rows_of(secrets: Sequence[Any]) -> list[InventoryRow]:
    """Return the rows of secrets that are annotated with status and usage count, with one query for all values."""
    states = _states(secrets)
    return [
        InventoryRow(
            id=secret.id,
            name=secret.name,
            description=secret.description,
            enabled=secret.enabled,
            status=secret.status,
            environments={environment: states[secret.id].get(environment, NOTHING) for environment in Environment},
            allowed_domains=secret.allowed_domains,
            usage_count=secret.usage_count,
            integration_count=secret.integration_count,
            last_used_at=secret.last_used_at,
            lacking=[environment for environment in Environment if getattr(secret, f"lacks_{environment.value}")],
            is_identifier=secret.is_identifier,
            required_in=secret.required_in,
            rotate_every_days=secret.rotate_every_days,
            expires_on=secret.expires_on,
            created_at=secret.created_at,
            updated_at=secret.updated_at,
            version=secret.version,
        )
        for secret in secrets
    ]


def _together(states: dict[Environment, EnvironmentState], entered: str) -> list[Rotating]:
    """Return the states by what was entered as one value for several environments; `entered` names the mark."""
    groups: dict[Any, dict[Environment, EnvironmentState]] = defaultdict(dict)
    for where, state in states.items():
        groups[getattr(state, entered) or where][where] = state
    return [
        (next(iter(found)) if len(found) == 1 else SharedEnvironments(tuple(found)), found, next(iter(found.values())))
        for found in groups.values()
    ]


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _states(secrets: Sequence[Secret]) -> dict[UUID, dict[Environment, EnvironmentState]]:
    kept: dict[tuple[UUID, Environment], dict[str, SecretValue]] = defaultdict(dict)
    values = (
        SecretValue.objects.exclude(state=ValueState.DESTROYED.value)
        .filter(secret__in=[secret.pk for secret in secrets])
        .select_related("data_key")
        .defer("sealed")
    )
    for value in values:
        kept[value.secret_id, Environment(value.environment)][value.state] = value
    found: dict[UUID, dict[Environment, EnvironmentState]] = defaultdict(dict)
    for (secret_id, environment), by_state in kept.items():
        found[secret_id][environment] = _state(by_state)
    return found


def _state(by_state: dict[str, SecretValue]) -> EnvironmentState:
    """Return the state of one environment from its values, which are given by their state."""
    current, staged = by_state.get(ValueState.CURRENT.value), by_state.get(ValueState.STAGED.value)
    previous = by_state.get(ValueState.PREVIOUS.value)
    state = NOTHING
    if staged:
        state = replace(state, staged_at=staged.created_at, staged_id=staged.pk, staged_once=staged.entered_once)
    if previous and previous.rollback_until and previous.rollback_until > timezone.now():
        state = replace(
            state,
            rollback_until=previous.rollback_until,
            previous_id=previous.pk,
            retired_at=previous.retired_at,
        )
    if current is None:
        return state
    return replace(
        state,
        state="set" if keyring.is_openable(current) else "unreadable",
        version=current.version,
        updated_at=current.created_at,
        updated_by=current.created_by,
        entered_once=current.entered_once,
    )
