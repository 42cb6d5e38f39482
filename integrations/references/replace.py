"""Pointing everything that uses one secret at another one, in one transaction."""

from uuid import UUID

from django.db import transaction

from accounts.actors import Actor
from accounts.audit import trail
from accounts.common.environments import in_order
from accounts.errors import FieldError, Invalid, NotFound
from accounts.people.locks import lock_organization
from accounts.policy import Permission
from integrations.references.rewrite import naming, rewrite
from secrets_app.models import Secret

NOT_REPLACED = "Nothing was replaced."


def replace_references(*, actor: Actor, secret_id: UUID, replacement_id: UUID) -> int:
    """Put another secret in the place of this one, wherever it is used. Without references nothing is written.

    Returns:
        how many integrations were rewritten.

    Raises:
        NotFound: no such secret.
        PermissionDenied: no right to write secrets and integrations, or not in the integrations' environments.
        Invalid: there is no such replacement, it is the secret itself, or it is disabled.
    """
    actor.check(Permission.SECRETS_WRITE)
    actor.check(Permission.INTEGRATIONS_WRITE)
    with transaction.atomic():
        lock_organization(actor.organization)
        secret, replacement = _lock(actor, secret_id, replacement_id)
        integrations = naming(actor.organization, secret.name)
        actor.check_environments(*in_order(env for one in integrations for env in one.environments))
        if not integrations:
            return 0
        rewrite(actor, integrations, secret.name, replacement, blamed="replacement")
        trail.record(
            trail.Event.SECRET_CHANGED,
            actor=actor,
            target=secret,
            fields=["references"],
            replaced_by=replacement.name,
            integrations=len(integrations),
        )
    return len(integrations)


def _lock(actor: Actor, secret_id: UUID, replacement_id: UUID) -> tuple[Secret, Secret]:
    """Both secrets, locked until the transaction ends."""
    rows = Secret.objects.of(actor.organization).select_for_update().filter(pk__in=[secret_id, replacement_id])
    found = {row.pk: row for row in rows.order_by("name")}
    if secret_id not in found:
        raise NotFound("No such secret.")
    replacement = found.get(replacement_id)
    problem = None
    if replacement is None:
        problem = "There is no such secret. Choose another one."
    elif replacement_id == secret_id:
        problem = "This is the secret itself. Choose another one."
    elif not replacement.enabled:
        problem = f"The secret {replacement.name} is disabled. Enable it first, or choose another one."
    if replacement is None or problem:
        raise Invalid(NOT_REPLACED, errors=[FieldError("replacement", problem or "")])
    return found[secret_id], replacement
