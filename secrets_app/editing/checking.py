"""What a form would be refused for, before its values are sent. Nothing is stored and no value is known.

A stand-in takes the place of each value that the person has typed, so that the rules are those of saving.
"""

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.errors import EditConflict
from accounts.policy import Permission
from secrets_app.editing.edits import SecretChanges, opens_values, require_new_values, set_fields
from secrets_app.models import Secret
from secrets_app.plaintext import MIN_LENGTH, Plaintext

STAND_IN = Plaintext("-" * MIN_LENGTH)


def check_secret(
    *,
    actor: Actor,
    secret_id: UUID | None,
    changes: SecretChanges,
    typed: Iterable[Environment],
    expected_version: int | None = None,
) -> None:
    """Check a submission of the form without its values.

    Args:
        secret_id: the secret that is edited; None for a new one.
        changes: what was submitted, without values. A day of expiry that the values state is not checked.
        typed: the environments for which a value has been typed.

    Raises:
        NotFound: the secret does not exist in the actor's organization.
        PermissionDenied: the actor may not write secrets, or not in these environments.
        EditConflict: the secret was saved after `expected_version`.
        Invalid, ValueRequired: as for saving.
    """
    actor.check(Permission.SECRETS_WRITE)
    values = dict.fromkeys(typed, STAND_IN)
    actor.check_environments(*values)
    whole = replace(changes, values=values, expires_with_values=False)
    if secret_id is None:
        set_fields(Secret(organization=actor.organization), whole)
        return
    secret = Secret.objects.fetch(actor.organization, secret_id)
    if expected_version is not None and secret.version != expected_version:
        raise EditConflict("Somebody else changed this secret since you opened it.")
    if opening := opens_values(secret, set_fields(secret, whole)):
        require_new_values(secret, values, opening)
