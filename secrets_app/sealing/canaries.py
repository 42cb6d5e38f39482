"""Canaries: a row for each master key that only this key opens (docs/crypto.md, "Keys").

Two hosts that share a database might hold different keys under one id. Each would work, and neither could open what the
other sealed. So a process compares its keys with the canaries at its start and before it seals anything.
"""

from django.db import DatabaseError, IntegrityError, transaction

from secrets_app.errors import KeyUnavailable
from secrets_app.models import MasterKeyCanary, OrganizationKey
from secrets_app.sealing import crypto, held_keys
from secrets_app.sealing.held_keys import VARIABLE
from secrets_app.sealing.master_keys import MasterKeys

_matched: set[str] = set()


def forget() -> None:
    """Compare every key again at its next use."""
    _matched.clear()


def mismatches(keys: MasterKeys | None = None) -> list[str]:
    """Return a sentence for each master key that is another key than the one of this id in use.

    Args:
        keys: those to compare; by default the keys of this process.
    """
    keys = keys or held_keys.current
    return [_sentence(key_id) for key_id in sorted(keys.ids) if not _matches(key_id, keys)]


def settle() -> None:
    """Compare every master key of this process, and write the canaries that are missing.

    Raises:
        KeyUnavailable: a key is another one than the one of this id in use.
    """
    for master_key_id in sorted(held_keys.current.ids):
        require(master_key_id)


def problems_at_start() -> list[str]:
    """Return what has to stop the start; nothing while the database cannot be asked."""
    try:
        return mismatches()
    except DatabaseError:
        return []


def require(master_key_id: str) -> None:
    """Check that this process holds the right key of this id, before it seals. The first use writes the canary.

    Raises:
        KeyUnavailable: it holds another key.
    """
    if master_key_id in _matched:
        return
    if not _matches(master_key_id, held_keys.current):
        raise KeyUnavailable(_sentence(master_key_id))
    if not MasterKeyCanary.objects.filter(pk=master_key_id).exists():
        _write(master_key_id)
    _matched.add(master_key_id)


def _matches(master_key_id: str, keys: MasterKeys) -> bool:
    """Whether the key opens its canary; without a canary, whether it opens the first data key that it wrapped.

    Later data keys may be those of a host with another key, from before there were canaries.
    """
    master_key = keys.get(master_key_id) or b""
    canary = MasterKeyCanary.objects.filter(pk=master_key_id).first()
    if canary:
        return crypto.opens_canary(master_key, bytes(canary.sealed), master_key_id)
    wrapped = OrganizationKey.objects.kept().filter(master_key_id=master_key_id)
    first = wrapped.order_by("created_at", "pk").first()
    return first is None or _opens(master_key, first)


def _opens(master_key: bytes, key: OrganizationKey) -> bool:
    try:
        crypto.unwrap_data_key(
            master_key,
            bytes(key.wrapped or b""),
            organization=key.organization_id,
            data_key_id=key.id,
            master_key_id=key.master_key_id,
        )
    except crypto.Undecryptable:
        return False
    return True


def _write(master_key_id: str) -> None:
    master_key = held_keys.current.get(master_key_id) or b""
    try:
        with transaction.atomic():
            MasterKeyCanary.objects.create(
                master_key_id=master_key_id, sealed=crypto.seal_canary(master_key, master_key_id)
            )
    except IntegrityError:  # another process was first
        if not _matches(master_key_id, held_keys.current):
            raise KeyUnavailable(_sentence(master_key_id)) from None


def _sentence(master_key_id: str) -> str:
    return (
        f"{VARIABLE}: this process's key {master_key_id} is not the key {master_key_id} that this database is sealed "
        f"with. Copy the entry {master_key_id} from the host that serves this database, or give the new key an id of "
        "its own."
    )
