"""One lock for acts of an organization that must see each other.

Two acts that each depend on what the other writes (a reference waits for a name; a secret takes that name) would miss
each other without it. The lock does not hold up inserts of rows that belong to the organization.
"""

from accounts.models import Organization


def serialize(organization: Organization) -> None:
    """Wait until no other act of this organization is under way; hold until the transaction ends.

    On SQLite a transaction (IMMEDIATE) is alone anyway.
    """
    list(Organization.objects.select_for_update(no_key=True).filter(pk=organization.pk).values("pk"))
