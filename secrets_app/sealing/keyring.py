"""Which key: master keys by id, and one data key for each organization (docs/crypto.md, "Keys").

The only caller of `crypto`. Master keys come from the process's environment and are held here, never in Django's
settings. An opened data key is used for at most five minutes, under everything that it is bound to: data key id,
organization, master key id and the wrapped bytes themselves, so a changed row never meets a cached key.
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


class CannotOpen(Exception):  # noqa: N818 - says what happened, as Undecryptable does
    """The value cannot be opened: it was changed, or copied from another place. Carries nothing."""


class KeyLost(CannotOpen):
    """The value may be sound, but its data key does not open with the master keys that this process holds."""


class DataKeyCache:
    """Opened data keys: bounded in number and age, safe between threads."""

    def __init__(self) -> None:
        """Empty."""
        self._entries: OrderedDict[CacheKey, tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: CacheKey) -> bytes | None:
        """The data key, unless it was never there or is too old."""
        with self._lock:
            expires, data_key = self._entries.get(key, (0.0, None))
            if time.monotonic() < expires:
                return data_key
            self._entries.pop(key, None)
            return None

    def put(self, key: CacheKey, data_key: bytes) -> None:
        """Keep it; the one that was put longest ago makes room."""
        with self._lock:
            self._entries[key] = (time.monotonic() + CACHE_SECONDS, data_key)
            self._entries.move_to_end(key)
            while len(self._entries) > CACHE_SIZE:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._entries.clear()


_cache = DataKeyCache()
_held: MasterKeys | None = None


def load() -> None:
    """Read the master keys from the environment and forget every opened data key.

    Raises:
        ImproperlyConfigured: an entry is malformed, or its file cannot be used; the reason names the entry's id.
    """
    global _held  # noqa: PLW0603 - one keyring a process
    try:
        _held = parse_master_keys(os.environ.get(VARIABLE, ""))
    except BadMasterKeys as problem:
        raise ImproperlyConfigured(f"{VARIABLE}: {problem}") from None
    _cache.clear()


def held_ids() -> frozenset[str]:
    """The ids of the master keys that this process holds."""
    return _keys().ids


def seal(secret: Secret, environment: Environment, version: int, value: Plaintext) -> tuple[bytes, OrganizationKey]:
    """Seal a value for its place. Call it inside the transaction that stores the result.

    Returns:
        the sealed bytes, and the data key that they name.
    """
    key = active_key(secret.organization)
    return crypto.seal_value(unwrap(key), value, _context(secret, environment, version, key)), key


def seal_all(
    organization: Organization, values: Iterable[tuple[Secret, Environment, int, Plaintext]]
) -> tuple[list[bytes], OrganizationKey]:
    """Seal many values of one organization, each for its secret, environment and version, under one look at the key.

    Returns:
        the sealed bytes in the same order, and the data key that they all name.
    """
    key = active_key(organization)
    data_key = unwrap(key)
    return [
        crypto.seal_value(data_key, value, _context(secret, environment, version, key))
        for secret, environment, version, value in values
    ], key


def unseal(value: SecretValue) -> Plaintext:
    """Open a stored value (its secret and data key already loaded). For `secrets_app.sealing.resolver` alone.

    Raises:
        KeyLost: its data key cannot be used here.
        CannotOpen: the key is there, but the value does not belong to this very place.
    """
    if value.sealed is None:
        raise CannotOpen
    context = _context(value.secret, Environment(value.environment), value.version, value.data_key)
    try:
        return crypto.open_value(unwrap(value.data_key), bytes(value.sealed), context)
    except crypto.Undecryptable:
        raise CannotOpen from None


def is_openable(value: SecretValue) -> bool:
    """Whether a stored value (its data key loaded) is expected to open: what `readable()` asks in a query."""
    key = value.data_key
    return not value.unreadable and key.master_key_id in held_ids() and key.state != KeyState.DESTROYED.value


def follow_deletion(sender: Any, *, organization: Organization, **more: Any) -> None:  # noqa: ARG001
    """The receiver of `organization_deleting`: its data keys are destroyed, so that nothing that they sealed opens.

    Their rows go with the organization. What this process has opened of them is forgotten once that stands; another
    process forgets within five minutes, and is asked for nothing by then.
    """
    OrganizationKey.objects.filter(organization=organization).update(state=KeyState.DESTROYED.value, wrapped=None)
    transaction.on_commit(_cache.clear)


def check_keys() -> list[str]:
    """Sentences about data keys that this process cannot open; empty when every key is usable."""
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
    """The active data key of the organization, or (None) of the installation; made on first use.

    Two first uses at once: the second finds the first's.

    One that does not open any more retires, and a new one takes its place: entering a value always works, and repairs
    what a lost key took (docs/crypto.md, "Keys").
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
    assert master_key is not None  # noqa: S101 - the primary key is one of those held
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
    try:
        unwrap(key)
    except KeyLost:
        return False
    return True


def unwrap(key: OrganizationKey) -> bytes:
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
