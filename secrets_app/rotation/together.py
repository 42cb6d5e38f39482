"""Acts of a rotation in several environments: in all of them or in none."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID, uuid4

from django.db import transaction

from accounts.common.environments import Environment
from accounts.errors import EditConflict
from secrets_app.models import SecretValue
from secrets_app.rotation.rotation import stage

Result = TypeVar("Result")


def stage_together(environments: Sequence[Environment], **arguments: Any) -> list[SecretValue]:
    """Stage one value in each environment, in one transaction.

    Args:
        arguments: the other arguments of `rotation.stage`.

    Raises:
        Refusal: as `rotation.stage` does; then nothing is staged anywhere.
    """
    batch = uuid4() if len(environments) > 1 else None
    with transaction.atomic():
        return [stage(environment=where, entered_once=batch, **arguments) for where in environments]


def together(
    act: Callable[..., Result],
    environments: Sequence[Environment],
    *,
    expected: Mapping[Environment, UUID],
    **arguments: Any,
) -> list[Result]:
    """Perform an act of a rotation in each environment, in one transaction.

    Args:
        act: a function such as `rotation.promote`.
        expected: the value that the caller saw in each environment; empty to accept any.
        arguments: the other arguments of the act.

    Raises:
        EditConflict: the caller saw values of other environments.
        Refusal: as the act does; then nothing has changed in any environment.
    """
    if expected and set(expected) != set(environments):
        raise EditConflict(
            "Somebody rotated one of these values in the meantime, so nothing was changed. Load the page again."
        )
    with transaction.atomic():
        return [act(environment=where, expected=expected.get(where), **arguments) for where in environments]
