"""The careful way to a new value: stage, promote, roll back within a window, destroy (docs/concepts.md, "Rotation").

Owns the switch between staged, current and previous. Each act is one transaction that holds the secret's row, so
whatever happens around it, a crash among it, there is one current value before and one after. Trying the staged value
on its references is the business of the app above; it hands its judgement to `promote`.
"""

from collections.abc import Callable
from datetime import timedelta
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
"""Looks at the staged value under the secret's lock: raises a Refusal, or names what is accepted all the same."""


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
        NotFound, PermissionDenied, EditConflict: as everywhere.
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
        trail.record(trail.Event.SECRET_STAGED, actor=actor, target=secret, environment=environment, version=version)
    return staged


def promote(
    *, actor: Actor, secret_id: UUID, environment: Environment, judge: Judge, expected: UUID | None = None
) -> Secret:
    """Make the staged value the current one, and keep the current one as previous as long as the organization
    says (`rollback_hours`).

    A previous value that is still kept from an earlier promotion is destroyed: there is one step back, not two.

    Args:
        judge: decides on the results of the checks.
        expected: the staged value that the caller saw; None for "whatever is staged now".

    Raises:
        NotFound, PermissionDenied: as everywhere.
        NothingStaged: there is no staged value.
        EditConflict: another value has been staged since.
        Invalid: a Production value needs allowed domains by now, and the secret has none.
        Refusal: whatever `judge` raises.
    """
    _authorize(actor, environment)
    with transaction.atomic():
        secret = lock_secret(actor, secret_id, None)
        staged = staged_value(secret, environment)
        _check_seen(staged, expected)
        _check_production(secret, environment)
        accepted = judge(staged)
        destroy(secret, environment, ValueState.PREVIOUS)
        retired = _retire_current(secret, environment, actor)
        SecretValue.objects.filter(pk=staged.pk).update(state=ValueState.CURRENT.value)
        _touch(secret)
        trail.record(
            trail.Event.SECRET_PROMOTED,
            actor=actor,
            target=secret,
            environment=environment,
            version=staged.version,
            previous_kept=retired,
            accepted_failures=accepted,
        )
    return secret


def roll_back(*, actor: Actor, secret_id: UUID, environment: Environment, expected: UUID | None = None) -> Secret:
    """Make the previous value the current one again; the value that is rolled back from is destroyed.

    Args:
        expected: the previous value that the caller saw; None for "whatever is kept now".

    Raises:
        NotFound, PermissionDenied: as everywhere.
        RollbackExpired: there is no previous value, or its window is over, destroyed or not.
        EditConflict: another value is kept by now.
        KeyUnavailable: the previous value does not open, so it would not run.
    """
    _authorize(actor, environment)
    with transaction.atomic():
        secret = lock_secret(actor, secret_id, None)
        previous = previous_value(secret, environment)
        if previous is None:
            raise RollbackExpired(
                f"There is no previous {environment.label} value to go back to: it was destroyed, or never was. "
                "Stage the old value again if you still have it."
            )
        _check_seen(previous, expected)
        if not keyring.is_openable(previous):
            raise KeyUnavailable(
                f"The previous {environment.label} value cannot be opened. The current one stays; rotate to a new one."
            )
        destroy(secret, environment, ValueState.CURRENT)
        SecretValue.objects.filter(pk=previous.pk).update(
            state=ValueState.CURRENT.value, retired_at=None, retired_by="", rollback_until=None
        )
        _touch(secret)
        trail.record(
            trail.Event.SECRET_ROLLED_BACK,
            actor=actor,
            target=secret,
            environment=environment,
            version=previous.version,
        )
    return secret


def discard(*, actor: Actor, secret_id: UUID, environment: Environment, expected: UUID | None = None) -> Secret:
    """Destroy the staged value. The current one is not touched.

    Args:
        expected: the staged value that the caller saw; None for "whatever is staged now".

    Raises:
        NotFound, PermissionDenied: as everywhere.
        NothingStaged: there is none.
        EditConflict: another value has been staged since.
    """
    _authorize(actor, environment)
    with transaction.atomic():
        secret = lock_secret(actor, secret_id, None)
        staged = staged_value(secret, environment)
        _check_seen(staged, expected)
        destroy(secret, environment, ValueState.STAGED)
        _touch(secret)
        trail.record(
            trail.Event.SECRET_STAGED_DISCARDED,
            actor=actor,
            target=secret,
            environment=environment,
            version=staged.version,
        )
    return secret


def destroy_previous(
    *, actor: Actor, secret_id: UUID, environment: Environment, expected: UUID | None = None
) -> Secret:
    """Destroy the previous value before its window ends: there is no way back after this.

    Args:
        expected: the previous value that the caller saw; None for "whatever is kept now".

    Raises:
        NotFound, PermissionDenied: as everywhere.
        RollbackExpired: there is none.
        EditConflict: another value is kept by now.
    """
    _authorize(actor, environment)
    with transaction.atomic():
        secret = lock_secret(actor, secret_id, None)
        previous = previous_value(secret, environment)
        if previous is None:
            raise RollbackExpired(f"There is no previous {environment.label} value any more.")
        _check_seen(previous, expected)
        destroy_kept(secret, previous, actor, expired=False)
        _touch(secret)
    return secret


def staged_value(secret: Secret, environment: Environment) -> SecretValue:
    """The staged value, its data key loaded, still sealed.

    Raises:
        NothingStaged: there is none.
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


def _authorize(actor: Actor, environment: Environment) -> None:
    actor.check(Permission.SECRETS_WRITE)
    actor.check_environments(environment)


def _check_seen(value: SecretValue, expected: UUID | None) -> None:
    if expected is not None and value.pk != expected:
        raise EditConflict("Somebody rotated this value meanwhile, so nothing was done. Look at it as it is now.")


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
    """Whether there was a current value."""
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
    """Whoever has the secret open in a form is told that it changed."""
    secret.version += 1
    secret.save(update_fields=["version", "updated_at"])
