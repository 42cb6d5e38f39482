"""The bounds of an API key bind every change of a secret (docs/api.md, "Authentication").

A change takes effect in the environments in which the secret has a value or is needed, and in the integrations that
refer to it. A key may make it only if its own environments and integrations include all of these.
"""

from collections.abc import Collection

from accounts.actors import Actor
from accounts.common.environments import Environment, in_order
from accounts.errors import PermissionDenied
from secrets_app.editing.values import environments_with_value
from secrets_app.models import Secret, ValueState

STORED = (ValueState.CURRENT, ValueState.STAGED, ValueState.PREVIOUS)


def check_bounds(actor: Actor, secret: Secret, environments: Collection[Environment] | None = None) -> None:
    """Check that a change of a secret takes effect only where the actor may act.

    Args:
        environments: those whose values change; None for a change of the secret as a whole.

    Raises:
        PermissionDenied: it takes effect in another environment, or in an integration that the actor does not see.
    """
    if not actor.is_bounded:
        return
    references = list(secret.references.values_list("integration_id", "needed_in"))
    if environments is None:
        actor.check_environments(*environments_with_value(secret, *STORED))
        actor.check_environments(*in_order(needed for _, needed_in in references for needed in needed_in))
    else:
        actor.check_environments(*environments)
        references = [row for row in references if row[1] & frozenset(environments)]
    if not all(actor.sees(integration_id) for integration_id, _ in references):
        raise PermissionDenied(f"{secret.name} is used by integrations that this API key is not allowed to change.")
