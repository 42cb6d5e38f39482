"""Locking an integration for an edit."""

from uuid import UUID

from accounts.actors import Actor
from accounts.errors import EditConflict, NotFound
from integrations.models import Integration


def lock_integration(actor: Actor, integration_id: UUID, expected_version: int | None) -> Integration:
    """Return an integration, locked for the rest of the transaction.

    Raises:
        NotFound: there is no such integration, or the actor may not see it.
        EditConflict: somebody saved since `expected_version`.
    """
    integration = (
        Integration.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=integration_id).first()
    )
    if integration is None:
        raise NotFound("No such integration.")
    integration.organization = actor.organization
    if expected_version is not None and integration.version != expected_version:
        raise EditConflict(
            "Somebody else changed this integration since you opened it. Load it again and repeat your change."
        )
    return integration
