"""Deleting secrets that nothing refers to."""

from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.actors import Actor
from accounts.audit import trail
from accounts.policy import Permission
from secrets_app.editing.bounds import check_bounds
from secrets_app.editing.secrets import lock_secret
from secrets_app.errors import SecretInUse
from secrets_app.models import Secret


def delete_secret(*, actor: Actor, secret_id: UUID) -> None:
    """Delete a secret without references, together with its values.

    Raises:
        NotFound: the secret does not exist in the actor's organization.
        PermissionDenied: the actor may not write secrets, or not this one (`check_bounds`).
        SecretInUse: the secret has references, or one was added concurrently.
    """
    actor.check(Permission.SECRETS_WRITE)
    try:
        with transaction.atomic():
            secret = lock_secret(actor, secret_id, None)
            check_bounds(actor, secret)
            _refuse_if_used(secret)
            Secret.objects.filter(pk=secret.pk).delete()
            trail.record(trail.Event.SECRET_DELETED, actor=actor, target=secret)
    except IntegrityError:
        raise SecretInUse("A reference to this secret was added just now.", references=[]) from None


def _refuse_if_used(secret: Secret) -> None:
    references = list(secret.references.select_related("integration").order_by("integration__name", "slot"))
    if references:
        raise SecretInUse(
            f"{secret.name} is used by {len(references)} reference{'s' if len(references) > 1 else ''}. "
            "Remove or change them first, or disable the secret to stop its use now.",
            references=references,
        )
