"""Putting values in place: sealing, replacing, removing. Always inside the caller's transaction."""

from collections.abc import Mapping, Sequence
from uuid import uuid4

from django.db.models import Max

from accounts.actors import Actor
from accounts.common.environments import Environment, in_order
from secrets_app.models import Secret, SecretValue, ValueState
from secrets_app.plaintext import Plaintext
from secrets_app.sealing import keyring

NewValues = Mapping[Environment, Plaintext | None]


def store_values(secret: Secret, values: NewValues, *, actor: Actor, entered_once: bool) -> None:
    """Make each value the current one of its environment; None removes it. The value before it is destroyed at once,
    and so is a previous one that was kept for a roll-back; a staged one stays (docs/concepts.md, "Rotation").

    Args:
        entered_once: the person typed one value for all environments.
    """
    batch = uuid4() if entered_once else None
    for environment in in_order(values):
        value = values[environment]
        destroy(secret, environment, ValueState.CURRENT, ValueState.PREVIOUS)
        if value is None:
            continue
        version = next_version(secret, environment)
        sealed, key = keyring.seal(secret, environment, version, value)
        SecretValue.objects.create(
            secret=secret,
            environment=environment.value,
            version=version,
            sealed=sealed,
            data_key=key,
            entered_once=batch,
            created_by_id=actor.id,
            created_by=actor.label,
        )


def store_each(values: Sequence[tuple[Secret, Plaintext]], environment: Environment, *, actor: Actor) -> None:
    """Many secrets of the actor's organization at once, each with its new value in one environment: what
    `store_values` does, in a few statements whatever their number.
    """
    secrets = [secret for secret, _ in values]
    kept = [ValueState.CURRENT.value, ValueState.PREVIOUS.value]
    rows = SecretValue.objects.filter(secret__in=secrets, environment=environment.value)
    last = dict(rows.values_list("secret").annotate(last=Max("version")))
    rows.filter(state__in=kept).update(state=ValueState.DESTROYED.value, sealed=None)
    places = [(secret, environment, last.get(secret.pk, 0) + 1, value) for secret, value in values]
    sealed, key = keyring.seal_all(actor.organization, places)
    SecretValue.objects.bulk_create(
        SecretValue(
            secret=secret,
            environment=environment.value,
            version=version,
            sealed=content,
            data_key=key,
            created_by_id=actor.id,
            created_by=actor.label,
        )
        for (secret, _, version, _), content in zip(places, sealed, strict=True)
    )


def destroy(secret: Secret, environment: Environment, *states: ValueState) -> None:
    """Erase the sealed bytes of the secret's values in these states; the rows stay as a record of versions."""
    SecretValue.objects.filter(
        secret=secret, environment=environment.value, state__in=[state.value for state in states]
    ).update(state=ValueState.DESTROYED.value, sealed=None)


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
