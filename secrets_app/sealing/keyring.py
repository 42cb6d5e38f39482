"""The keyring: master keys by id, and a data key for each organization (docs/crypto.md, "Keys").

This module chooses keys; `crypto` uses them. Master keys come from the process's environment and are held here, never
in Django's settings. An opened data key is cached for at most five minutes. The cache key contains everything that the
data key is bound to (its id, the organization, the master key id and the wrapped bytes), so a changed row never finds a
cached key.
"""

import hashlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction

from accounts.common.environments import Environment
from accounts.models import Organization
from secrets_app.models import KeyState, OrganizationKey, Secret, SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.sealing import crypto
from secrets_app.sealing.master_keys import BadMasterKeys, MasterKeys, parse_master_keys

VARIABLE = "COFFER_MASTER_KEYS"
CACHE_SECONDS = 300.0
CACHE_SIZE = 1000

CacheKey = tuple[UUID, UUID | None, str, bytes]
"""Data key id, organization, master key id, and the digest of the wrapped bytes."""


class CannotOpen(Exception):  # noqa: N818 - named after what happened, like Undecryptable
    """A value does not open because it was changed or copied from another place. The exception carries no detail."""


class KeyLost(CannotOpen):
    """A value may be intact, but its data key does not open with the master keys that this process holds."""


class DataKeyCache:
    """A thread-safe cache of opened data keys, limited in size and age."""

    def __init__(self) -> None:
        self._entries: OrderedDict[CacheKey, tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: CacheKey) -> bytes | None:
        """Return a cached data key, or None if there is none or it has expired."""
        with self._lock:
            expires, data_key = self._entries.get(key, (0.0, None))
            if time.monotonic() < expires:
                return data_key
            self._entries.pop(key, None)
            return None

    def put(self, key: CacheKey, data_key: bytes) -> None:
        """Cache a data key, and evict the oldest entries above the size limit."""
        with self._lock:
            self._entries[key] = (time.monotonic() + CACHE_SECONDS, data_key)
            self._entries.move_to_end(key)
            while len(self._entries) > CACHE_SIZE:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        """Remove every cached data key."""
        with self._lock:
            self._entries.clear()


_cache = DataKeyCache()
_held: MasterKeys | None = None


def load() -> None:
    """Read the master keys from the environment and clear the cache of data keys.

    Raises:
        ImproperlyConfigured: an entry is malformed, or its file cannot be used. The message gives the entry's position.
    """
    global _held  # noqa: PLW0603 - one keyring per process
    try:
        _held = parse_master_keys(os.environ.get(VARIABLE, ""))
    except BadMasterKeys as problem:
        raise ImproperlyConfigured(f"{VARIABLE}: {problem}") from None
    _cache.clear()


def held_ids() -> frozenset[str]:
    """Return the ids of the master keys that this process holds."""
    return _keys().ids


def seal(secret: Secret, environment: Environment, version: int, value: Plaintext) -> tuple[bytes, OrganizationKey]:
    """Seal a value for one secret, environment and version. Call it in the transaction that stores the result.

    Returns:
        the sealed bytes, and the data key that sealed them.
    """
    key = active_key(secret.organization)
    return crypto.seal_value(unwrap(key), value, _context(secret, environment, version, key)), key


def seal_all(
    organization: Organization, values: Iterable[tuple[Secret, Environment, int, Plaintext]]
) -> tuple[list[bytes], OrganizationKey]:
    """Seal several values of one organization with one query for the key, each for its secret, environment and version.

    Returns:
        the sealed bytes in the same order, and the data key that sealed them all.
    """
    key = active_key(organization)
    data_key = unwrap(key)
    return [
        crypto.seal_value(data_key, value, _context(secret, environment, version, key))
        for secret, environment, version, value in values
    ], key


def unseal(value: SecretValue) -> Plaintext:
    """Open a stored value whose secret and data key are loaded. Only `secrets_app.sealing.resolver` may call this.

    Raises:
        KeyLost: its data key does not open in this process.
        CannotOpen: the data key opens, but the value was changed or belongs to another place.
    """
    if value.sealed is None:
        raise CannotOpen
    context = _context(value.secret, Environment(value.environment), value.version, value.data_key)
    try:
        return crypto.open_value(unwrap(value.data_key), bytes(value.sealed), context)
    except crypto.Undecryptable:
        raise CannotOpen from None


def is_openable(value: SecretValue) -> bool:
    """Whether a stored value whose data key is loaded should open; the same rule as `readable()` of the queryset."""
    key = value.data_key
    return not value.unreadable and key.master_key_id in held_ids() and key.state != KeyState.DESTROYED.value


def destroy_data_keys(*, organization: Organization, **_: Any) -> None:
    """Destroy the data keys of an organization that is being deleted (receiver of `organization_deleting`).

    Nothing that they sealed can be opened afterwards. This process clears its cache when the transaction commits; other
    processes drop the keys within five minutes, and no request needs them in the meantime.
    """
    OrganizationKey.objects.filter(organization=organization).update(state=KeyState.DESTROYED.value, wrapped=None)
    transaction.on_commit(_cache.clear)


def check_keys() -> list[str]:
    """Return a sentence for each data key that this process cannot open."""
    problems = []
    for key in OrganizationKey.objects.exclude(state=KeyState.DESTROYED.value).iterator():
        if key.master_key_id not in held_ids():
            problems.append(
                f"Data key {key.id} needs the master key {key.master_key_id}, which {VARIABLE} does not list."
            )
            continue
        if not opens(key):
            problems.append(f"Data key {key.id} does not open with the master key {key.master_key_id}.")
    return problems


def _keys() -> MasterKeys:
    if _held is None:
        load()
    assert _held is not None  # noqa: S101 - load() raises or sets it
    return _held


def _context(secret: Secret, environment: Environment, version: int, key: OrganizationKey) -> crypto.ValueContext:
    return crypto.ValueContext(
        organization=secret.organization_id,
        secret=secret.id,
        environment=environment.value,
        version=version,
        data_key=key.id,
    )


def active_key(organization: Organization | None) -> OrganizationKey:
    """Return the active data key of an organization, or of the installation if `organization` is None.

    The key is created on first use; of two concurrent first uses, the second returns the key of the first. A key that
    no longer opens is retired and replaced, so that new values can always be entered (docs/crypto.md, "Keys").
    """
    active = OrganizationKey.objects.filter(organization=organization, state=KeyState.ACTIVE.value)
    found = active.first()
    if found and opens(found):
        return found
    if found:
        active.filter(pk=found.pk).update(state=KeyState.RETIRING.value)
    try:
        with transaction.atomic():
            return _new_key(organization)
    except IntegrityError:
        return active.get()


def _new_key(organization: Organization | None) -> OrganizationKey:
    keys, key_id = _keys(), uuid4()
    master_key = keys.get(keys.primary_id)
    assert master_key is not None  # noqa: S101 - the primary key is always held
    wrapped = crypto.wrap_data_key(
        master_key,
        crypto.new_data_key(),
        organization=organization.id if organization else None,
        data_key_id=key_id,
        master_key_id=keys.primary_id,
    )
    return OrganizationKey.objects.create(
        id=key_id, organization=organization, wrapped=wrapped, master_key_id=keys.primary_id
    )


def opens(key: OrganizationKey) -> bool:
    """Whether a data key opens with the master keys that this process holds."""
    try:
        unwrap(key)
    except KeyLost:
        return False
    return True


def unwrap(key: OrganizationKey) -> bytes:
    """Return the bytes of a data key, from the cache if they are there.

    Raises:
        KeyLost: the key is destroyed, or does not open with the master keys that this process holds.
    """
    master_key = _keys().get(key.master_key_id)
    if master_key is None or key.wrapped is None or key.state == KeyState.DESTROYED.value:
        raise KeyLost
    wrapped = bytes(key.wrapped)
    cache_key = (key.id, key.organization_id, key.master_key_id, hashlib.sha256(wrapped).digest())
    data_key = _cache.get(cache_key)
    if data_key is None:
        data_key = _unwrap_now(master_key, wrapped, key)
        _cache.put(cache_key, data_key)
    return data_key


def _unwrap_now(master_key: bytes, wrapped: bytes, key: OrganizationKey) -> bytes:
    try:
        return crypto.unwrap_data_key(
            master_key, wrapped, organization=key.organization_id, data_key_id=key.id, master_key_id=key.master_key_id
        )
    except crypto.Undecryptable:
        raise KeyLost from None
