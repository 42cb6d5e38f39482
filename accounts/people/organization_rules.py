"""Rules that an organization may set for itself; otherwise the installation's settings apply."""

from django.conf import settings

from accounts.common.bounds import APPROVAL_DAYS
from accounts.models import Organization


def rollback_hours(organization: Organization) -> int:
    """Return how many hours the previous value is kept after a promotion (docs/concepts.md, "Rotation")."""
    own = organization.rollback_hours
    return settings.ROLLBACK_HOURS if own is None else own


def run_days(organization: Organization) -> int:
    """Return how many days the record of a run is kept."""
    own = organization.run_days
    return settings.RUN_DAYS if own is None else own


def approval_days(organization: Organization) -> int:
    """Return how many days the arguments of a call that was held are kept after its end."""
    own = organization.approval_days
    return APPROVAL_DAYS if own is None else own
