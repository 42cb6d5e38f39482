"""Values that a rotation replaced: kept for a roll-back as long as the organization says, then destroyed."""

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
    """The previous value, as long as it may be gone back to."""
    kept = SecretValue.objects.filter(
        secret=secret,
        environment=environment.value,
        state=ValueState.PREVIOUS.value,
        rollback_until__gt=timezone.now(),
    )
    return kept.select_related("data_key").first()


def destroy_kept(secret: Secret, previous: SecretValue, actor: Actor, *, expired: bool) -> None:
    """Destroy a previous value, in the caller's transaction, which holds the secret."""
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
    """Destroy every previous value whose window is over. Safe to run twice, in parallel, and after a crash.

    Each value goes in a transaction of its own, so what is done stays done.

    Args:
        command: the management command that is named in the audit trail.

    Returns:
        how many were destroyed by this call.
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
    """1 where this call destroyed it, 0 where somebody else did, or rolled back to it."""
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
        destroy_kept(secret, previous, actor, expired=True)
        return 1
