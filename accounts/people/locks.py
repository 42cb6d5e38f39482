"""A lock that puts an organization's concurrent changes in order.

Two changes may each depend on a row that the other writes: a reference waits for a name while a secret takes that name.
Without the lock, each would miss the other. It does not block inserts of rows that belong to the organization.
"""

from accounts.models import Organization


def lock_organization(organization: Organization) -> None:
    """Wait for other changes of this organization, and hold its lock until the transaction ends.

    On SQLite a transaction (IMMEDIATE) has no concurrent writers anyway.
    """
    list(Organization.objects.select_for_update(no_key=True).filter(pk=organization.pk).values("pk"))
