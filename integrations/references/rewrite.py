"""Rewriting configurations that name a secret, when it is renamed or replaced.

This happens in the caller's transaction, under the organization's lock. A concurrent save of an integration waits, and
a form that was opened before is refused by its version.
"""

from collections.abc import Iterable
from typing import Any

from accounts.actors import Actor
from accounts.audit import trail
from accounts.errors import FieldError, Invalid, PermissionDenied
from accounts.models import Organization
from integrations.kinds import KINDS
from integrations.models import Integration, SecretReference
from integrations.references import derive
from integrations.references.rename import rewritten
from secrets_app.models import Secret


def follow_rename(*, secret: Secret, old_name: str, actor: Actor, **_: Any) -> None:
    """Rewrite configurations after a secret was renamed, and bind references that wait for the new name.

    Raises:
        PermissionDenied, Invalid: as `rewrite`; the transaction with the renaming is rolled back.
        PermissionDenied, ProofNeeded: as `gained.judge`, for the references that are bound.
    """
    rewrite(actor, naming(actor.organization, old_name), old_name, secret, field="name")
    derive.bind_waiting(secret=secret, actor=actor)


def naming(organization: Organization, name: str) -> list[Integration]:
    """Return the integrations that name a secret, locked until the transaction ends."""
    found = SecretReference.objects.filter(organization=organization, name=name).values("integration")
    return list(Integration.objects.of(organization).select_for_update().filter(pk__in=found).order_by("pk"))


def rewrite(actor: Actor, integrations: Iterable[Integration], old_name: str, secret: Secret, *, field: str) -> None:
    """Replace `old_name` by a secret in configurations and references, and record an audit event for each.

    Args:
        integrations: locked rows.
        field: the field of the caller's input that a refusal names.

    Raises:
        PermissionDenied: the actor's API key is limited to certain integrations, and not to all of these.
        Invalid: a text would become longer than its field allows.
    """
    for integration in integrations:
        if not actor.sees(integration.pk):
            raise PermissionDenied(f"{old_name} is used by integrations that this API key is not allowed to change.")
        integration.organization = actor.organization
        integration.config = _config(integration, old_name, secret.name, field)
        integration.version += 1
        integration.save(update_fields=["config", "version", "updated_at"])
        derive.move(integration, old_name, secret)
        trail.record(
            trail.Event.INTEGRATION_CHANGED,
            actor=actor,
            target=integration,
            fields=["config"],
            secret_before=old_name,
            secret=secret.name,
        )


def _config(integration: Integration, old: str, new: str, field: str) -> dict[str, Any]:
    kind = KINDS[integration.kind]
    try:
        return rewritten(kind, integration.config, old, new)
    except Invalid:
        sentence = f"With this name a text of {integration.name} becomes too long. Choose a shorter name."
        raise Invalid("Nothing was changed.", errors=[FieldError(field, sentence)]) from None
