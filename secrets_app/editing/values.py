"""Storing values: sealing new ones, destroying old ones. Always inside the caller's transaction."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from uuid import UUID, uuid4

from django.db.models import Max, Q

from accounts.actors import Actor
from accounts.common.environments import Environment, in_order
from secrets_app.models import Secret, SecretValue, ValueState
from secrets_app.plaintext import Plaintext
from secrets_app.sealing import keyring

NewValues = Mapping[Environment, Plaintext | None]
"""What an edit enters: a new value, or None to remove the value of that environment."""


@dataclass(frozen=True, slots=True)
class NewValue:
    """A value to store for one secret in one environment; None removes the value that is there."""

    secret: Secret
    environment: Environment
    plaintext: Plaintext | None


def store_values(values: Sequence[NewValue], *, actor: Actor, entered_once: bool = False) -> None:
    """Make each value the current one of its secret and environment, in a few statements whatever their number.

    The value before it is destroyed, and so is a previous one that was kept for a roll-back; a staged one stays
    (docs/concepts.md, "Rotation").

    Args:
        values: for secrets of the actor's organization, each place at most once.
        entered_once: the person typed one value for all environments.
    """
    if not values:
        return
    versions = _last_versions(values)
    _destroy_all(values, ValueState.CURRENT, ValueState.PREVIOUS)
    new = [
        (value.secret, value.environment, versions.get((value.secret.pk, value.environment), 0) + 1, value.plaintext)
        for value in values
        if value.plaintext is not None
    ]
    if not new:
        return
    sealed, key = keyring.seal_all(actor.organization, new)
    batch = uuid4() if entered_once else None
    SecretValue.objects.bulk_create(
        SecretValue(
            secret=secret,
            environment=environment.value,
            version=version,
            sealed=content,
            data_key=key,
            entered_once=batch,
            created_by_id=actor.id,
            created_by=actor.label,
        )
        for (secret, environment, version, _), content in zip(new, sealed, strict=True)
    )


def values_of(secret: Secret, values: NewValues) -> list[NewValue]:
    """The values that an edit of one secret enters, in the order of the environments."""
    return [NewValue(secret, environment, values[environment]) for environment in in_order(values)]


def destroy(secret: Secret, environment: Environment, *states: ValueState) -> None:
    """Erase the sealed bytes of the secret's values in these states; the rows stay as a record of versions."""
    _destroy_all([NewValue(secret, environment, None)], *states)


def environments_with_value(secret: Secret, *states: ValueState) -> list[Environment]:
    """Where the secret has a value in one of these states, readable or not; a current one where none is named."""
    wanted = [state.value for state in states or (ValueState.CURRENT,)]
    rows = SecretValue.objects.filter(secret=secret, state__in=wanted)
    return in_order({Environment(name) for name in rows.values_list("environment", flat=True)})


def next_version(secret: Secret, environment: Environment) -> int:
    """Versions count up from 1 and are never used again, so a sealed row cannot pass for a later one."""
    last = SecretValue.objects.filter(secret=secret, environment=environment.value).aggregate(last=Max("version"))[
        "last"
    ]
    return (last or 0) + 1


def _destroy_all(values: Sequence[NewValue], *states: ValueState) -> None:
    rows = SecretValue.objects.filter(_at(values), state__in=[state.value for state in states])
    rows.update(state=ValueState.DESTROYED.value, sealed=None)


def _last_versions(values: Sequence[NewValue]) -> dict[tuple[UUID, Environment], int]:
    rows = SecretValue.objects.filter(_at(values)).values_list("secret", "environment")
    return {(secret, Environment(name)): last for secret, name, last in rows.annotate(last=Max("version"))}


def _at(values: Sequence[NewValue]) -> Q:
    """The condition that a stored value is one that these values replace."""
    secrets: dict[Environment, list[Secret]] = defaultdict(list)
    for value in values:
        secrets[value.environment].append(value.secret)
    return reduce(or_, (Q(environment=where.value, secret__in=found) for where, found in secrets.items()))
