"""The bounds of an API key bind every change of a secret as a whole (docs/api.md, "Authentication").

It takes effect in the environments in which the secret has a value or is needed, and in the integrations that refer to
it. A key may make it only if its own environments and integrations include all of these. A change of a value concerns
the environment of the value alone; a description, a rotation interval and a day of expiry concern none.
"""

from accounts.actors import Actor
from accounts.common.environments import in_order
from accounts.errors import PermissionDenied
from secrets_app.editing.values import environments_with_value
from secrets_app.models import Secret, ValueState

WITHOUT_EFFECT = {"description", "rotate_every_days", "expires_on", "required_in"}
"""Fields that concern no environment, or, of `required_in`, only those that are added or taken away."""
STORED = (ValueState.CURRENT, ValueState.STAGED, ValueState.PREVIOUS)


def check_bounds(actor: Actor, secret: Secret) -> None:
    """Check that a change of a secret as a whole takes effect only where the actor may act.

    Raises:
        PermissionDenied: it takes effect in another environment, or in an integration that the actor does not see.
    """
    if not actor.is_bounded:
        return
    references = list(secret.references.values_list("integration_id", "needed_in"))
    actor.check_environments(*environments_with_value(secret, *STORED), *in_order(secret.required_in))
    actor.check_environments(*in_order(environment for _, needed_in in references for environment in needed_in))
    if not all(actor.sees(integration_id) for integration_id, _ in references):
        raise PermissionDenied("This secret is used by integrations that the API key is not allowed to change.")
