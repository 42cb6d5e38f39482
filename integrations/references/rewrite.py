"""Naming another secret in every configuration that names one: when it is renamed, and when it is replaced everywhere.

All of it happens in the caller's transaction, under the organization's lock: a save of one of the integrations at the
same moment waits, and a form that was opened before is refused by its version.
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
    """A secret was renamed: rewrite what names it, and bind what waited for its new name.

    Raises:
        PermissionDenied, Invalid: as `rewrite`; the renaming is undone with everything else.
    """
    rewrite(actor, naming(actor.organization, old_name), old_name, secret, blamed="name")
    derive.bind_waiting(secret=secret)


def naming(organization: Organization, name: str) -> list[Integration]:
    """The integrations that name the secret, locked until the transaction ends."""
    found = SecretReference.objects.filter(organization=organization, name=name).values("integration")
    return list(Integration.objects.of(organization).select_for_update().filter(pk__in=found).order_by("pk"))


def rewrite(actor: Actor, integrations: Iterable[Integration], old_name: str, secret: Secret, *, blamed: str) -> None:
    """Put the secret in the place of `old_name`, in configurations and references, with one event for each.

    Args:
        integrations: locked.
        blamed: the field of the caller's input that a refusal is about.

    Raises:
        PermissionDenied: the actor's key is limited to certain integrations, and one of these is not among them.
        Invalid: a text would become longer than its field may be.
    """
    for integration in integrations:
        if not actor.sees(integration.pk):
            raise PermissionDenied(f"{old_name} is used by integrations that this API key is not allowed to change.")
        integration.organization = actor.organization
        integration.config = _config(integration, old_name, secret.name, blamed)
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


def _config(integration: Integration, old: str, new: str, blamed: str) -> dict[str, Any]:
    kind = KINDS[integration.kind]
    try:
        return rewritten(kind, integration.config, old, new)
    except Invalid:
        sentence = f"With this name a text of {integration.name} becomes too long. Choose a shorter one."
        raise Invalid("Nothing was changed.", errors=[FieldError(blamed, sentence)]) from None
