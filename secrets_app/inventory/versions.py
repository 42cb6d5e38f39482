"""The versions of a value, without the values."""

from uuid import UUID

from accounts.common.environments import Environment
from secrets_app.models import SecretValue


def page(
    secret_id: UUID, environment: Environment, before: int | None, limit: int
) -> tuple[list[SecretValue], int | None]:
    """Return versions of a secret, newest first, and before which version the next page starts; None on the last.

    Args:
        before: leave out this version and newer ones.
    """
    rows = SecretValue.objects.filter(secret=secret_id, environment=environment.value).defer("sealed")
    rows = rows.filter(version__lt=before) if before is not None else rows
    found = list(rows.order_by("-version")[: limit + 1])
    return found[:limit], found[limit - 1].version if len(found) > limit else None
