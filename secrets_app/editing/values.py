"""Storing and destroying values. All functions run inside the caller's transaction."""

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
from secrets_app.naming.value_traits import traits_of
from secrets_app.plaintext import Plaintext
from secrets_app.sealing import keyring

NewValues = Mapping[Environment, Plaintext | None]
"""New values by environment; None removes the value of that environment."""


@dataclass(frozen=True, slots=True)
class NewValue:
    """A value to store for one secret in one environment. A plaintext of None removes the stored value."""

    secret: Secret
    environment: Environment
    plaintext: Plaintext | None


def store_values(
    values: Sequence[NewValue], *, actor: Actor, entered_once: bool = False, are_first: bool = False
) -> None:
    """Make each value the current value of its secret and environment. The number of SQL statements is constant.

    The current and the previous value before it are destroyed; a staged value stays (docs/concepts.md, "Rotation").

    Args:
        values: values for secrets of the actor's organization, at most one for each secret and environment.
        entered_once: the person entered one value for all environments.
        are_first: the secrets are new, so there are no values before these.
    """
    if not values:
        return
    versions = {}
    if not are_first:
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
            traits=int(traits_of(plaintext)),
            entered_once=batch,
            created_by_id=actor.id,
            created_by=actor.label,
        )
        for (secret, environment, version, plaintext), content in zip(new, sealed, strict=True)
    )


def values_of(secret: Secret, values: NewValues) -> list[NewValue]:
    """Return the new values of one secret for `store_values`, in the order of the environments."""
    return [NewValue(secret, environment, values[environment]) for environment in in_order(values)]


def destroy(secret: Secret, environment: Environment, *states: ValueState) -> None:
    """Erase the sealed bytes of a secret's values in these states. The rows stay, so that versions are not reused."""
    _destroy_all([NewValue(secret, environment, None)], *states)


def environments_with_value(secret: Secret, *states: ValueState) -> list[Environment]:
    """Return the environments in which a secret has a value in one of these states, by default a current value."""
    names = [state.value for state in states or (ValueState.CURRENT,)]
    rows = SecretValue.objects.filter(secret=secret, state__in=names)
    return in_order({Environment(name) for name in rows.values_list("environment", flat=True)})


def next_version(secret: Secret, environment: Environment) -> int:
    """Return the next version number. Numbers are never reused, so an old sealed row cannot pass for a newer one."""
    last = SecretValue.objects.filter(secret=secret, environment=environment.value).aggregate(last=Max("version"))[
        "last"
    ]
    return (last or 0) + 1


def _destroy_all(values: Sequence[NewValue], *states: ValueState) -> None:
    rows = SecretValue.objects.filter(_at(values), state__in=[state.value for state in states])
    rows.update(state=ValueState.DESTROYED.value, sealed=None, traits=None)


def _last_versions(values: Sequence[NewValue]) -> dict[tuple[UUID, Environment], int]:
    rows = SecretValue.objects.filter(_at(values)).values_list("secret", "environment")
    return {(secret, Environment(name)): last for secret, name, last in rows.annotate(last=Max("version"))}


def _at(values: Sequence[NewValue]) -> Q:
    """Return the condition that matches stored values of the same secrets and environments."""
    secrets: dict[Environment, list[Secret]] = defaultdict(list)
    for value in values:
        secrets[value.environment].append(value.secret)
    return reduce(or_, (Q(environment=where.value, secret__in=found) for where, found in secrets.items()))
