"""The rows of the inventory: the facts about a secret and its values in each environment, without any value."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts.common.environments import Environment
from secrets_app.models import Secret, SecretValue, ValueState
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
    rollback_until: datetime | None = None


NOTHING = EnvironmentState("missing")


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
    lacking: list[Environment] = field(default_factory=list)
    is_identifier: bool = False
    rotate_every_days: int | None = None
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
            last_used_at=secret.last_used_at,
            lacking=[environment for environment in Environment if getattr(secret, f"lacks_{environment.value}")],
            is_identifier=secret.is_identifier,
            rotate_every_days=secret.rotate_every_days,
            created_at=secret.created_at,
            updated_at=secret.updated_at,
            version=secret.version,
        )
        for secret in secrets
    ]


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
    until = previous.rollback_until if previous else None
    state = replace(
        NOTHING,
        staged_at=staged.created_at if staged else None,
        rollback_until=until if until and until > timezone.now() else None,
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
