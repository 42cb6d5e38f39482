"""Previous values, which are kept for a roll-back for as long as the organization has set, and then destroyed."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.actors import Actor, actor_for_command
from accounts.audit import trail
from accounts.common.environments import Environment
from accounts.errors import NotFound
from accounts.models import Organization
from secrets_app.editing.secrets import lock_secret
from secrets_app.editing.values import destroy
from secrets_app.models import Secret, SecretValue, ValueState

BATCH = 200


def previous_value(secret: Secret, environment: Environment) -> SecretValue | None:
    """Return the previous value with its data key loaded, or None if there is none or its window is over."""
    kept = SecretValue.objects.filter(
        secret=secret,
        environment=environment.value,
        state=ValueState.PREVIOUS.value,
        rollback_until__gt=timezone.now(),
    )
    return kept.select_related("data_key").first()


def destroy_previous_value(secret: Secret, previous: SecretValue, actor: Actor, *, expired: bool) -> None:
    """Destroy a previous value and record it. The caller holds the lock of the secret."""
    environment = Environment(previous.environment)
    destroy(secret, environment, ValueState.PREVIOUS)
    trail.record(
        trail.Event.SECRET_PREVIOUS_DESTROYED,
        actor=actor,
        target=secret,
        environment=environment,
        version=previous.version,
        expired=expired,
    )


def destroy_expired(*, command: str) -> int:
    """Destroy every previous value whose window is over.

    This is safe to run repeatedly, concurrently and after a crash: each value is destroyed in its own transaction.

    Args:
        command: the management command to name in the audit log.

    Returns:
        the number of values that this call destroyed.
    """
    destroyed, after = 0, UUID(int=0)
    while True:
        expired = SecretValue.objects.filter(
            state=ValueState.PREVIOUS.value, rollback_until__lte=timezone.now(), pk__gt=after
        )
        rows = list(expired.order_by("pk").values_list("pk", "secret", "secret__organization")[:BATCH])
        for value_id, secret_id, organization_id in rows:
            destroyed += _destroy_one(value_id, secret_id, organization_id, command)
            after = value_id
        if len(rows) < BATCH:
            return destroyed


def _destroy_one(value_id: UUID, secret_id: UUID, organization_id: UUID, command: str) -> int:
    """Return 1 if this call destroyed the value, or 0 if it was already destroyed or rolled back to."""
    organization = Organization.objects.filter(pk=organization_id).first()
    if organization is None:
        return 0
    actor = actor_for_command(organization, command)
    with transaction.atomic():
        try:
            secret = lock_secret(actor, secret_id, None)
        except NotFound:
            return 0
        previous = SecretValue.objects.filter(
            pk=value_id, state=ValueState.PREVIOUS.value, rollback_until__lte=timezone.now()
        ).first()
        if previous is None:
            return 0
        destroy_previous_value(secret, previous, actor, expired=True)
        return 1
