"""The bounds of an API key bind every change of what an integration does (docs/api.md, "Authentication").

It takes effect in the environments of the integration and of all integrations that use it as connection or
connector. A key may make it only if its own environments include all of these. A name and a description concern none.
"""

from collections.abc import Iterable

from accounts.actors import Actor
from accounts.common.environments import Environment, in_order
from integrations.models import Integration
from integrations.references.destinations import using

WITHOUT_EFFECT = {"name", "description"}
"""Fields that concern no environment."""


def check_bounds(actor: Actor, integration: Integration, before: Iterable[Environment] = ()) -> None:
    """Check that a change of a stored integration takes effect only where the actor may act.

    Args:
        before: the environments in which it ran before an edit.

    Raises:
        PermissionDenied: it takes effect in another environment.
    """
    if actor.is_bounded:
        users = using([integration.pk]).values_list("environments", flat=True)
        reach = {environment for environments in users for environment in environments}
        actor.check_environments(*in_order(reach | set(integration.environments) | set(before)))
