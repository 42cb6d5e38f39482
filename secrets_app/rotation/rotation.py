"""Rotating a value: stage, promote, roll back within a window, destroy (docs/concepts.md, "Rotation").

Each act is one transaction that locks the secret's row, so there is one current value before and after it, even if the
process crashes. The staged value is checked on its references by `integrations.rotation`, which passes its judgement to
`promote`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.actors import Actor
from accounts.audit import trail
from accounts.common.environments import Environment
from accounts.errors import EditConflict, FieldError, Invalid
from accounts.people.organization_rules import rollback_hours
from accounts.policy import Permission
from secrets_app.editing.secrets import lock_secret
from secrets_app.editing.values import destroy, next_version
from secrets_app.errors import KeyUnavailable, NothingStaged, RollbackExpired, ValueTooShort
from secrets_app.models import Secret, SecretValue, ValueState
from secrets_app.naming.value_rules import problem_with_value
from secrets_app.plaintext import Plaintext
from secrets_app.rotation.previous_values import destroy_kept, previous_value
from secrets_app.sealing import keyring
from secrets_app.validation.production_domains import DOMAINS_NEEDED, lacks_domains

Judge = Callable[[SecretValue], list[str]]
"""Judges the staged value under the secret's lock: raises a Refusal, or returns the failures that are accepted."""

Find = Callable[[Secret, Environment], SecretValue]
"""Returns the value of a secret that an act changes, or raises a Refusal if there is none."""


def stage(
    *,
    actor: Actor,
    secret_id: UUID,
    environment: Environment,
    value: Plaintext,
    allow_short: bool = False,
    expected_version: int | None = None,
) -> SecretValue:
    """Store a value beside the current one. A value that was staged before is destroyed.

    Raises:
        NotFound, PermissionDenied: the actor may not write this secret or use this environment.
        EditConflict: the secret has changed since `expected_version`.
        Invalid, ValueTooShort: the value breaks its rule, or a Production value needs allowed domains first.
    """
    _authorize(actor, environment)
    _check_value(value, allow_short=allow_short)
    with transaction.atomic():
        secret = lock_secret(actor, secret_id, expected_version)
        _check_production(secret, environment)
        destroy(secret, environment, ValueState.STAGED)
        version = next_version(secret, environment)
        sealed, key = keyring.seal(secret, environment, version, value)
        staged = SecretValue.objects.create(
            secret=secret,
            environment=environment.value,
            version=version,
            state=ValueState.STAGED.value,
            sealed=sealed,
            data_key=key,
            created_by_id=actor.id,
            created_by=actor.label,
        )
        _touch(secret)
        _record(trail.Event.SECRET_STAGED, actor, secret, staged)
    return staged


def promote(
    *, actor: Actor, secret_id: UUID, environment: Environment, judge: Judge, expected: UUID | None = None
) -> Secret:
    """Make the staged value the current one, and keep the current one for a roll-back (`rollback_hours`).

    A previous value that is still kept from an earlier promotion is destroyed: there is one step back, not two.

    Args:
        judge: decides on the results of the checks.
        expected: the staged value that the caller saw; None accepts any.

    Raises:
        NotFound, PermissionDenied: the actor may not write this secret or use this environment.
        NothingStaged: there is no staged value.
        EditConflict: another value has been staged since.
        Invalid: Production values need allowed domains, and the secret has none.
        Refusal: as raised by `judge`.
    """
    with _rotating(actor, secret_id, environment, staged_value, expected) as (secret, staged):
        _check_production(secret, environment)
        accepted = judge(staged)
        destroy(secret, environment, ValueState.PREVIOUS)
        retired = _retire_current(secret, environment, actor)
        SecretValue.objects.filter(pk=staged.pk).update(state=ValueState.CURRENT.value)
        details = {"previous_kept": retired, "accepted_failures": accepted}
        _record(trail.Event.SECRET_PROMOTED, actor, secret, staged, **details)
    return secret


def roll_back(*, actor: Actor, secret_id: UUID, environment: Environment, expected: UUID | None = None) -> Secret:
    """Make the previous value the current one again, and destroy the value that was current.

    Args:
        expected: the previous value that the caller saw; None accepts any.

    Raises:
        NotFound, PermissionDenied: the actor may not write this secret or use this environment.
        RollbackExpired: there is no previous value, or its window is over.
        EditConflict: another value has become the previous one since.
        KeyUnavailable: the previous value cannot be decrypted.
    """
    with _rotating(actor, secret_id, environment, _value_to_restore, expected) as (secret, previous):
        if not keyring.is_openable(previous):
            raise KeyUnavailable(
                f"The previous {environment.label} value cannot be opened. The current one stays; rotate to a new one."
            )
        destroy(secret, environment, ValueState.CURRENT)
        SecretValue.objects.filter(pk=previous.pk).update(
            state=ValueState.CURRENT.value, retired_at=None, retired_by="", rollback_until=None
        )
        _record(trail.Event.SECRET_ROLLED_BACK, actor, secret, previous)
    return secret


def discard(*, actor: Actor, secret_id: UUID, environment: Environment, expected: UUID | None = None) -> Secret:
    """Destroy the staged value. The current value is not changed.

    Args:
        expected: the staged value that the caller saw; None accepts any.

    Raises:
        NotFound, PermissionDenied: the actor may not write this secret or use this environment.
        NothingStaged: there is no staged value.
        EditConflict: another value has been staged since.
    """
    with _rotating(actor, secret_id, environment, staged_value, expected) as (secret, staged):
        destroy(secret, environment, ValueState.STAGED)
        _record(trail.Event.SECRET_STAGED_DISCARDED, actor, secret, staged)
    return secret


def destroy_previous(
    *, actor: Actor, secret_id: UUID, environment: Environment, expected: UUID | None = None
) -> Secret:
    """Destroy the previous value before its window ends. It cannot be rolled back to afterwards.

    Args:
        expected: the previous value that the caller saw; None accepts any.

    Raises:
        NotFound, PermissionDenied: the actor may not write this secret or use this environment.
        RollbackExpired: there is no previous value.
        EditConflict: another value has become the previous one since.
    """
    with _rotating(actor, secret_id, environment, _value_to_destroy, expected) as (secret, previous):
        destroy_kept(secret, previous, actor, expired=False)
    return secret


def staged_value(secret: Secret, environment: Environment) -> SecretValue:
    """Return the staged value, encrypted, with its data key loaded.

    Raises:
        NothingStaged: there is no staged value.
    """
    staged = (
        SecretValue.objects.filter(secret=secret, environment=environment.value, state=ValueState.STAGED.value)
        .select_related("data_key")
        .first()
    )
    if staged is None:
        raise NothingStaged(f"No new {environment.label} value of {secret.name} is staged. Stage one first.")
    staged.secret = secret
    return staged


@contextmanager
def _rotating(
    actor: Actor, secret_id: UUID, environment: Environment, find: Find, expected: UUID | None
) -> Iterator[tuple[Secret, SecretValue]]:
    """Authorize the actor, lock the secret, and yield it with the value that the block changes.

    The block runs in the transaction that holds the lock; the version of the secret counts up after it.

    Args:
        find: looks up the value, or refuses.
        expected: the value that the caller saw; None accepts any.
    """
    _authorize(actor, environment)
    with transaction.atomic():
        secret = lock_secret(actor, secret_id, None)
        value = find(secret, environment)
        if expected is not None and value.pk != expected:
            raise EditConflict("Somebody rotated this value meanwhile, so nothing was done. Look at it as it is now.")
        yield secret, value
        _touch(secret)


def _value_to_restore(secret: Secret, environment: Environment) -> SecretValue:
    previous = previous_value(secret, environment)
    if previous is None:
        raise RollbackExpired(
            f"There is no previous {environment.label} value to go back to: it was destroyed, or never was. "
            "Stage the old value again if you still have it."
        )
    return previous


def _value_to_destroy(secret: Secret, environment: Environment) -> SecretValue:
    previous = previous_value(secret, environment)
    if previous is None:
        raise RollbackExpired(f"There is no previous {environment.label} value any more.")
    return previous


def _record(event: trail.Event, actor: Actor, secret: Secret, value: SecretValue, **details: Any) -> None:
    environment = Environment(value.environment)
    trail.record(event, actor=actor, target=secret, environment=environment, version=value.version, **details)


def _authorize(actor: Actor, environment: Environment) -> None:
    actor.check(Permission.SECRETS_WRITE)
    actor.check_environments(environment)


def _check_value(value: Plaintext, *, allow_short: bool) -> None:
    problem = problem_with_value(value, allow_short=allow_short)
    if problem:
        refusal = ValueTooShort if problem.code == ValueTooShort.code else Invalid
        raise refusal("The value was not staged.", errors=[FieldError("value", problem.message)])


def _check_production(secret: Secret, environment: Environment) -> None:
    if lacks_domains(secret.organization, [environment], secret.allowed_domains):
        sentence = f"{DOMAINS_NEEDED} Edit {secret.name} and add at least one domain first."
        raise Invalid(sentence, errors=[FieldError("value", sentence)])


def _retire_current(secret: Secret, environment: Environment, actor: Actor) -> bool:
    """Turn the current value into the previous one; return whether there was one."""
    now = timezone.now()
    current = SecretValue.objects.current().filter(secret=secret, environment=environment.value)
    return bool(
        current.update(
            state=ValueState.PREVIOUS.value,
            retired_at=now,
            retired_by=actor.label,
            rollback_until=now + timedelta(hours=rollback_hours(actor.organization)),
        )
    )


def _touch(secret: Secret) -> None:
    """Count up the version, so that a form that was opened before is refused."""
    secret.version += 1
    secret.save(update_fields=["version", "updated_at"])
