"""Which keys the audit chain is computed with. The app above, which holds the keyring, registers them."""

from collections.abc import Callable
from uuid import UUID

Current = Callable[[UUID], tuple[UUID, bytes]]
"""Takes an organization; returns the id of the key for its next event, and the key."""
Find = Callable[[UUID, UUID], bytes | None]
"""Takes the id of a key and an organization; returns the key, or None if it cannot be had."""

_registered: list[tuple[Current, Find]] = []


def register(current_key: Current, find_key: Find) -> None:
    """Set where the keys come from."""
    _registered[:] = [(current_key, find_key)]


def current(organization_id: UUID) -> tuple[UUID, bytes]:
    """Return the id of the key for the next event of an organization, and the key.

    Raises:
        Refusal: the key does not open, so that nothing can be recorded.
    """
    return _registered[0][0](organization_id)


def find(key_id: UUID, organization_id: UUID) -> bytes | None:
    """Return the key of an event, or None if it does not open."""
    return _registered[0][1](key_id, organization_id)
