"""Replacing a secret by another secret in all integrations, in one transaction."""

from uuid import UUID

from django.db import transaction

from accounts.actors import Actor
from accounts.audit import trail
from accounts.common.environments import in_order
from accounts.errors import FieldError, Invalid, NotFound
from accounts.people.locks import lock_organization
from accounts.policy import Permission
from integrations.references import gained
from integrations.references.rewrite import naming, rewrite
from secrets_app.models import Secret

NOT_REPLACED = "Nothing was replaced."


def replace_references(*, actor: Actor, secret_id: UUID, replacement_id: UUID) -> int:
    """Replace a secret in all configurations and references. Without references nothing is written.

    Returns:
        how many integrations were changed.

    Raises:
        NotFound: the secret does not exist.
        PermissionDenied: the actor may not write secrets and integrations, or not in the integrations' environments.
        Invalid: the replacement does not exist, is the secret itself, or is disabled.
        ProofNeeded: as `gained.judge`.
    """
    actor.check(Permission.SECRETS_WRITE)
    actor.check(Permission.INTEGRATIONS_WRITE)
    with transaction.atomic():
        lock_organization(actor.organization)
        secret, replacement = _lock(actor, secret_id, replacement_id)
        integrations = naming(actor.organization, secret.name)
        actor.check_environments(*in_order(env for integration in integrations for env in integration.environments))
        if not integrations:
            return 0
        with gained.judging(actor, [integration.pk for integration in integrations]):
            rewrite(actor, integrations, secret.name, replacement, field="replacement")
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
    """Return both secrets, locked until the transaction ends.

    Raises:
        NotFound: the secret does not exist.
        Invalid: the replacement cannot be used.
    """
    rows = Secret.objects.of(actor.organization).select_for_update().filter(pk__in=[secret_id, replacement_id])
    found = {row.pk: row for row in rows.order_by("name")}
    if secret_id not in found:
        raise NotFound("No such secret.")
    replacement = found.get(replacement_id)
    problem = None
    if replacement is None:
        problem = "There is no such secret. Choose another secret."
    elif replacement_id == secret_id:
        problem = "This is the secret itself. Choose another secret."
    elif not replacement.enabled:
        problem = f"The secret {replacement.name} is disabled. Enable it first, or choose another secret."
    if replacement is None or problem:
        raise Invalid(NOT_REPLACED, errors=[FieldError("replacement", problem or "")])
    return found[secret_id], replacement
