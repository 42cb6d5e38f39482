"""The keys of the audit chains: one for each organization, derived from the data key of the installation.

Not from the organization's own data key: the log of a deleted organization has to stay verifiable. An event names the
data key that its key was derived from, so a new data key does not break old events.
"""

from uuid import UUID

from secrets_app.models import OrganizationKey
from secrets_app.sealing import crypto
from secrets_app.sealing.keyring import KeyLost, active_key, unwrap


def current(organization_id: UUID) -> tuple[UUID, bytes]:
    """Return the key for the next event of an organization's chain, and the id to find it by."""
    key = active_key(None)
    return key.id, crypto.audit_key(unwrap(key), organization_id)


def find(key_id: UUID, organization_id: UUID) -> bytes | None:
    """Return the key with which an event was written, or None if it does not open."""
    key = OrganizationKey.objects.filter(pk=key_id, organization=None).first()
    try:
        return crypto.audit_key(unwrap(key), organization_id) if key else None
    except KeyLost:
        return None
