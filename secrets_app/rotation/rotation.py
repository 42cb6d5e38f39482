"""Rotation of a value: stage, promote, roll back within a window, destroy (docs/concepts.md, "Rotation").

This module moves values between the states staged, current and previous. Each function is one transaction that holds
the lock of the secret, so there is exactly one current value before and after it. `integrations.rotation` checks the
staged value on its references and passes its decision to `promote`.
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
from secrets_app.naming.value_traits import traits_of
from secrets_app.plaintext import Plaintext
from secrets_app.rotation.previous_values import destroy_previous_value, previous_value
from secrets_app.sealing import keyring
from secrets_app.validation.required_domains import domains_needed, lacks_domains

Approve = Callable[[SecretValue], list[str]]
"""Decides on the staged value while the secret is locked: raises a Refusal, or returns the accepted failures."""

Find = Callable[[Secret, Environment], SecretValue]
"""Returns the value of a secret that a change works on, or raises a Refusal."""


def stage(
    *,
    actor: Actor,
    secret_id: UUID,
    environment: Environment,
    value: Plaintext,
    allow_short: bool = False,
    expected_version: int | None = None,
    entered_once: UUID | None = None,
) -> SecretValue:
    """Store a staged value next to the current value. A value that was staged before is destroyed.

    Args:
        entered_once: the same id for values that were entered as one for several environments.

    Raises:
        NotFound: the secret does not exist in the actor's organization.
        PermissionDenied: the actor may not write secrets, or not in this environment.
        EditConflict: the secret was saved after `expected_version`.
        Invalid, ValueTooShort: the value breaks its rule, or the organization requires allowed domains first.
    """
    _authorize(actor, environment)
    _check_value(value, allow_short=allow_short)
    with _locked(actor, secret_id, expected_version) as secret:
        _check_required_domains(secret, environment)
        destroy(secret, environment, ValueState.STAGED)
        staged = _store_staged(secret, environment, value, actor, entered_once)
        _record(trail.Event.SECRET_STAGED, staged, actor)
    return staged


def promote(
    *, actor: Actor, secret_id: UUID, environment: Environment, approve: Approve, expected: UUID | None = None
) -> Secret:
    """Make the staged value the current value, and keep the old current value as the previous value.

    The previous value is kept for the roll-back window of the organization. A previous value of an earlier promotion is
    destroyed, so there is only one step back.

    Args:
        approve: decides on the results of the checks.
        expected: the staged value that the caller saw; None to accept any.

    Raises:
        NotFound: the secret does not exist in the actor's organization.
        PermissionDenied: the actor may not write secrets, or not in this environment.
        NothingStaged: there is no staged value.
        EditConflict: another value has been staged since.
        Invalid: the organization requires allowed domains for a Production value, and the secret has none.
        Refusal: raised by `approve`.
    """
    with _changing(actor, secret_id, environment, staged_value, expected) as staged:
        _check_required_domains(staged.secret, environment)
        accepted = approve(staged)
        destroy(staged.secret, environment, ValueState.PREVIOUS)
        is_kept = _retire_current(staged.secret, environment, actor)
        SecretValue.objects.filter(pk=staged.pk).update(state=ValueState.CURRENT.value)
        _record(trail.Event.SECRET_PROMOTED, staged, actor, previous_kept=is_kept, accepted_failures=accepted)
    return staged.secret


def roll_back(*, actor: Actor, secret_id: UUID, environment: Environment, expected: UUID | None = None) -> Secret:
    """Make the previous value the current value again, and destroy the value that was current.

    Args:
        expected: the previous value that the caller saw; None to accept any.

    Raises:
        NotFound: the secret does not exist in the actor's organization.
        PermissionDenied: the actor may not write secrets, or not in this environment.
        RollbackExpired: there is no previous value, or its window is over.
        EditConflict: another value has become the previous value since.
        KeyUnavailable: the previous value does not open.
    """
    with _changing(actor, secret_id, environment, _previous_or_refuse, expected) as previous:
        if not keyring.is_openable(previous):
            raise KeyUnavailable(
                f"The previous {environment.label} value cannot be opened. The current value stays. "
                "Rotate to a new value."
            )
        destroy(previous.secret, environment, ValueState.CURRENT)
        SecretValue.objects.filter(pk=previous.pk).update(
            state=ValueState.CURRENT.value, retired_at=None, retired_by="", rollback_until=None
        )
        _record(trail.Event.SECRET_ROLLED_BACK, previous, actor)
    return previous.secret


def discard(*, actor: Actor, secret_id: UUID, environment: Environment, expected: UUID | None = None) -> Secret:
    """Destroy the staged value. The current value stays.

    Args:
        expected: the staged value that the caller saw; None to accept any.

    Raises:
        NotFound: the secret does not exist in the actor's organization.
        PermissionDenied: the actor may not write secrets, or not in this environment.
        NothingStaged: there is no staged value.
        EditConflict: another value has been staged since.
    """
    with _changing(actor, secret_id, environment, staged_value, expected) as staged:
        destroy(staged.secret, environment, ValueState.STAGED)
        _record(trail.Event.SECRET_STAGED_DISCARDED, staged, actor)
    return staged.secret


def destroy_previous(
    *, actor: Actor, secret_id: UUID, environment: Environment, expected: UUID | None = None
) -> Secret:
    """Destroy the previous value before its window ends. A roll-back is not possible afterwards.

    Args:
        expected: the previous value that the caller saw; None to accept any.

    Raises:
        NotFound: the secret does not exist in the actor's organization.
        PermissionDenied: the actor may not write secrets, or not in this environment.
        RollbackExpired: there is no previous value, or its window is over.
        EditConflict: another value has become the previous value since.
    """
    with _changing(actor, secret_id, environment, _previous_or_refuse, expected) as previous:
        destroy_previous_value(previous.secret, previous, actor, expired=False)
    return previous.secret


def staged_value(secret: Secret, environment: Environment) -> SecretValue:
    """Return the staged value, sealed, with its data key loaded.

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


def _previous_or_refuse(secret: Secret, environment: Environment) -> SecretValue:
    """Return the previous value. Raises RollbackExpired if there is none."""
    previous = previous_value(secret, environment)
    if previous is None:
        raise RollbackExpired(
            f"There is no previous {environment.label} value any more. To go back to the old value, stage it again."
        )
    previous.secret = secret
    return previous


@contextmanager
def _changing(
    actor: Actor, secret_id: UUID, environment: Environment, find: Find, expected: UUID | None
) -> Iterator[SecretValue]:
    """Authorize the actor, lock the secret, check that the value is the one that the caller saw, and yield it."""
    _authorize(actor, environment)
    with _locked(actor, secret_id) as secret:
        value = find(secret, environment)
        if expected is not None and value.pk != expected:
            raise EditConflict(
                "Somebody rotated this value in the meantime, so nothing was changed. Load the page again."
            )
        yield value


@contextmanager
def _locked(actor: Actor, secret_id: UUID, expected_version: int | None = None) -> Iterator[Secret]:
    """Lock the secret in a transaction and count its version up, so that a form that is open notices the change."""
    with transaction.atomic():
        secret = lock_secret(actor, secret_id, expected_version)
        yield secret
        secret.version += 1
        secret.save(update_fields=["version", "updated_at"])


def _authorize(actor: Actor, environment: Environment) -> None:
    actor.check(Permission.SECRETS_WRITE)
    actor.check_environments(environment)


def _record(event: trail.Event, value: SecretValue, actor: Actor, **data: Any) -> None:
    environment = Environment(value.environment)
    trail.record(event, actor=actor, target=value.secret, environment=environment, version=value.version, **data)


def _store_staged(
    secret: Secret, environment: Environment, value: Plaintext, actor: Actor, entered_once: UUID | None
) -> SecretValue:
    version = next_version(secret, environment)
    sealed, key = keyring.seal(secret, environment, version, value)
    return SecretValue.objects.create(
        secret=secret,
        environment=environment.value,
        version=version,
        state=ValueState.STAGED.value,
        sealed=sealed,
        data_key=key,
        traits=int(traits_of(value)),
        entered_once=entered_once,
        created_by_id=actor.id,
        created_by=actor.label,
    )


def _check_value(value: Plaintext, *, allow_short: bool) -> None:
    problem = problem_with_value(value, allow_short=allow_short)
    if problem:
        refusal = ValueTooShort if problem.code == ValueTooShort.code else Invalid
        raise refusal("The value was not staged.", errors=[FieldError("value", problem.message)])


def _check_required_domains(secret: Secret, environment: Environment) -> None:
    if lacks_domains(secret.organization, [environment], secret.allowed_domains):
        sentence = f"{domains_needed(secret.organization)} Edit {secret.name} and add at least one domain first."
        raise Invalid(sentence, errors=[FieldError("value", sentence)])


def _retire_current(secret: Secret, environment: Environment, actor: Actor) -> bool:
    """Make the current value the previous value, and return whether there was a current value."""
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
