"""The keyring: master keys by id, and a data key for each organization (docs/crypto.md, "Keys").

This module chooses keys; `crypto` uses them. An opened data key is cached for at most five minutes. The cache key
contains everything that the data key is bound to (its id, the organization, the master key id and the wrapped bytes),
so a changed row never finds a cached key.

No data key is ever retired here: a process with the wrong master key would put good keys out of service. `resealing`
replaces data keys that open.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError, connection, transaction

from accounts.common.environments import Environment
from accounts.models import Organization
from secrets_app.errors import KeyUnavailable
from secrets_app.models import KeyState, OrganizationKey, Secret, SecretValue
from secrets_app.naming.domains import canonical
from secrets_app.plaintext import Plaintext
from secrets_app.sealing import canaries, crypto, held_keys
from secrets_app.sealing.held_keys import VARIABLE

CACHE_SECONDS = 300.0
CACHE_SIZE = 1000

CacheKey = tuple[UUID, UUID | None, str, bytes]
"""Data key id, organization, master key id, and the wrapped bytes."""


class CannotOpen(Exception):  # noqa: N818 - named after what happened, like Undecryptable
    """A value does not open because it was changed or copied from another place. The exception carries no detail."""


class KeyLost(CannotOpen):
    """A value may be intact, but its data key does not open with the master keys that this process holds.

    Or the value has the form of an earlier version and waits for `manage.py upgrade_values`.
    """


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
_HOLD_ACTIVE = "SELECT * FROM secrets_app_organizationkey WHERE organization_id = %s AND state = %s FOR KEY SHARE"


def load() -> None:
    """Read the master keys from the environment, and forget what was done with those before.

    Raises:
        ImproperlyConfigured: an entry is malformed, or its file cannot be used. The message gives the entry's position.
    """
    held_keys.load()
    canaries.forget()
    _cache.clear()


def held_ids() -> frozenset[str]:
    """Return the ids of the master keys that this process holds."""
    return held_keys.current.ids


def seal(secret: Secret, environment: Environment, version: int, value: Plaintext) -> tuple[bytes, OrganizationKey]:
    """Seal a value for one secret, environment and version. Call it in the transaction that stores the result.

    Returns:
        the sealed bytes, and the data key that sealed them.
    """
    key = active_key(secret.organization)
    return crypto.seal_value(unwrap(key), value, context(secret, environment, version, key)), key


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
        crypto.seal_value(data_key, value, context(secret, environment, version, key))
        for secret, environment, version, value in values
    ], key


def unseal(value: SecretValue) -> Plaintext:
    """Open a stored value whose secret and data key are loaded. Only `resolver` and `resealing` may call this.

    Raises:
        KeyLost: its data key does not open in this process, or it has the form of an earlier version.
        CannotOpen: the data key opens, but the value or its allowed domains were changed, or it belongs elsewhere.
    """
    if value.sealed is None:
        raise CannotOpen
    sealed, data_key = bytes(value.sealed), value.data_key
    if crypto.is_old_value(sealed):
        raise KeyLost
    bound = context(value.secret, value.environment, value.version, data_key)
    try:
        return crypto.open_value(unwrap(data_key), sealed, bound)
    except crypto.Undecryptable:
        raise CannotOpen from None


def is_openable(value: SecretValue) -> bool:
    """Whether a stored value whose data key is loaded should open; the same rule as `readable()` of the queryset."""
    key = value.data_key
    return not value.unreadable and key.master_key_id in held_ids() and key.state != KeyState.DESTROYED


def destroy_data_keys(*, organization: Organization, **_: Any) -> None:
    """Destroy the data keys of an organization that is being deleted (receiver of `organization_deleting`).

    Nothing that they sealed can be opened afterwards. This process clears its cache when the transaction commits; other
    processes drop the keys within five minutes, and no request needs them in the meantime.
    """
    OrganizationKey.objects.filter(organization=organization).update(state=KeyState.DESTROYED.value, wrapped=None)
    transaction.on_commit(_cache.clear)


def lost_keys() -> list[OrganizationKey]:
    """Return the data keys that this process cannot open, with their organizations."""
    kept = OrganizationKey.objects.kept().select_related("organization")
    return [key for key in kept.order_by("created_at", "pk").iterator() if not opens(key)]


def why_lost(key: OrganizationKey) -> str:
    """Return the sentence about a data key that does not open."""
    if key.master_key_id not in held_ids():
        return f"Data key {key.id} needs the master key {key.master_key_id}, which {VARIABLE} does not list."
    return f"Data key {key.id} does not open with the master key {key.master_key_id}."


def context(secret: Secret, environment: str, version: int, key: OrganizationKey) -> crypto.ValueContext:
    """Return what a value of this secret is bound to."""
    return crypto.ValueContext(
        organization=secret.organization_id,
        secret=secret.id,
        environment=environment,
        version=version,
        data_key=key.id,
        domains=canonical(secret.allowed_domains),
    )


def active_key(organization: Organization | None) -> OrganizationKey:
    """Return the active data key of an organization, or of the installation if `organization` is None.

    The key is created on first use; of two concurrent first uses, the second returns the key of the first. Until the
    caller's transaction ends, nobody destroys the key (`resealing`).

    Raises:
        KeyUnavailable: the key does not open in this process, or this process holds a wrong master key.
    """
    found = _held_active(organization) or _held_active(organization)  # the second sees what replaced it meanwhile
    if found:
        _require_right_key(found)
        return found
    canaries.require(held_keys.current.primary_id)
    try:
        with transaction.atomic():
            return new_key(organization)
    except IntegrityError:
        return active_key(organization)


def _held_active(organization: Organization | None) -> OrganizationKey | None:
    """Return the active data key and hold it, which blocks neither others who do nor changes of its state.

    The installation's is never destroyed. On SQLite transactions write one after another, so nothing has to be held.
    """
    if organization is None or connection.vendor != "postgresql":
        return OrganizationKey.objects.filter(organization=organization, state=KeyState.ACTIVE.value).first()
    parameters = [organization.pk, KeyState.ACTIVE.value]
    return next(iter(OrganizationKey.objects.raw(_HOLD_ACTIVE, parameters)), None)


def _require_right_key(key: OrganizationKey) -> None:
    if key.master_key_id in held_ids():
        canaries.require(key.master_key_id)
    if not opens(key):
        raise KeyUnavailable(f"{why_lost(key)} Nothing was stored. Ask the operator to run `manage.py keys`.")


def new_key(organization: Organization | None) -> OrganizationKey:
    """Create the active data key of an organization that has none, or of the installation."""
    key_id = uuid4()
    wrapped, master_key_id = wrap(crypto.new_data_key(), key_id, organization.id if organization else None)
    return OrganizationKey.objects.create(
        id=key_id, organization=organization, wrapped=wrapped, master_key_id=master_key_id
    )


def wrap(data_key: bytes, key_id: UUID, organization_id: UUID | None) -> tuple[bytes, str]:
    """Wrap the bytes of a data key with the first master key.

    Returns:
        the wrapped bytes, and the id of the master key.
    """
    keys = held_keys.current
    master_key = keys.get(keys.primary_id)
    assert master_key is not None  # noqa: S101 - the primary key is always held
    wrapped = crypto.wrap_data_key(
        master_key, data_key, organization=organization_id, data_key_id=key_id, master_key_id=keys.primary_id
    )
    return wrapped, keys.primary_id


def opens(key: OrganizationKey) -> bool:
    """Whether a data key opens with the master keys that this process holds."""
    try:
        unwrap(key)
    except KeyLost:
        return False
    return True


def opens_a_value(key: OrganizationKey) -> bool:
    """Whether the oldest value that a data key sealed opens, if there is one. Nobody gets to see it."""
    values = SecretValue.objects.filter(data_key=key, sealed__isnull=False, unreadable=False)
    oldest = values.select_related("secret", "data_key").order_by("created_at", "pk").first()
    try:
        if oldest:
            unseal(oldest)
    except CannotOpen:
        return False
    return True


def unwrap(key: OrganizationKey) -> bytes:
    """Return the bytes of a data key, from the cache if they are there.

    Raises:
        KeyLost: the key is destroyed, or does not open with the master keys that this process holds.
    """
    master_key = held_keys.current.get(key.master_key_id)
    if master_key is None or key.wrapped is None or key.state == KeyState.DESTROYED:
        raise KeyLost
    wrapped = bytes(key.wrapped)
    cache_key = (key.id, key.organization_id, key.master_key_id, wrapped)
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
