"""What an organization has set for itself, or else what the installation sets for all."""

from django.conf import settings

from accounts.models import Organization


def rollback_hours(organization: Organization) -> int:
    """How long a value that was promoted away is kept, in hours (docs/concepts.md, "Rotation")."""
    own = organization.rollback_hours
    return settings.ROLLBACK_HOURS if own is None else own


def run_days(organization: Organization) -> int:
    """How long the record of a run is kept, in days."""
    own = organization.run_days
    return settings.RUN_DAYS if own is None else own
