"""Parsing of the operator's master keys: `COFFER_MASTER_KEYS`, a list of `id:provider:…` entries, newest first.

This module owns the syntax of the setting, the checks of a key file and the rejection of weak keys. It does not know
where the setting comes from and wraps no keys. Error messages give only the position of an entry, because a malformed
entry may be a bare key.
"""

import base64
import binascii
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, final

from secrets_app.sealing.crypto import KEY_BYTES

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_OWNER_ONLY = (0o400, 0o600)
_LONGEST_FILE = 1024  # 32 bytes in base64 are 44 characters
_FEWEST_DISTINCT = 16  # 32 random bytes have about 30 distinct values, and practically never fewer than 16


class BadMasterKeys(Exception):  # noqa: N818 - the reason why the server does not start
    """The setting is not usable. The message says which entry and what to do, and contains no key material."""


@final
class MasterKeys:
    """The master keys by id. The first wraps new data keys; the others open the data keys that they wrapped."""

    __slots__ = ("get", "ids", "primary_id")

    def __init__(self, keys: dict[str, bytes]) -> None:
        if not keys:
            raise BadMasterKeys("There is no master key: set COFFER_MASTER_KEYS to id:env:BASE64 or id:file:/path.")
        self.primary_id = next(iter(keys))
        """The id of the key that wraps new data keys."""
        self.ids = frozenset(keys)
        """The ids of all keys."""
        self.get: Callable[[str], bytes | None] = dict(keys).get
        """Return the 32 bytes of the key with this id, or None if this process does not hold it."""

    def __repr__(self) -> str:
        return "<MasterKeys>"

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError("master keys are not copied or serialised")

    __copy__ = __deepcopy__ = __reduce__ = __reduce_ex__ = __getstate__ = _refuse


def parse_master_keys(text: str) -> MasterKeys:
    """Parse a setting such as `k2:file:/run/keys/k2,k1:env:BASE64`, which lists the newest key first.

    Raises:
        BadMasterKeys: an entry is malformed, repeated, unreadable or weak, or is not base64 of exactly 32 bytes.
    """
    keys: dict[str, bytes] = {}
    entries = [entry.strip() for entry in text.split(",")] if text.strip() else []
    for position, entry in enumerate(entries, start=1):
        key_id, key = _parse_entry(entry, position)
        if key_id in keys or key in keys.values():
            raise BadMasterKeys(f"Master key {position} repeats the id or the key of another entry.")
        keys[key_id] = key
    return MasterKeys(keys)


def _parse_entry(entry: str, position: int) -> tuple[str, bytes]:
    key_id, _, rest = entry.partition(":")
    provider, _, source = rest.partition(":")
    if provider not in {"env", "file"} or not source or not _ID.fullmatch(key_id):
        raise BadMasterKeys(f"Master key {position} must read id:env:BASE64 or id:file:/path.")
    encoded = source.encode() if provider == "env" else _read_key_file(source, position)
    return key_id, _decode(encoded, position)


def _read_key_file(path: str, position: int) -> bytes:
    if not Path(path).is_absolute():
        raise BadMasterKeys(f"The file of master key {position} must be given by its full path.")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe must not block
    except (OSError, ValueError):
        raise BadMasterKeys(f"The file of master key {position} cannot be read.") from None
    try:
        _require_private_file(os.fstat(descriptor), position)  # checks the open file, which cannot be swapped meanwhile
        return os.read(descriptor, _LONGEST_FILE)
    finally:
        os.close(descriptor)


def _require_private_file(status: os.stat_result, position: int) -> None:
    private = stat.S_IMODE(status.st_mode) in _OWNER_ONLY and status.st_uid == os.geteuid()
    if not (private and stat.S_ISREG(status.st_mode)):
        raise BadMasterKeys(
            f"The file of master key {position} must be a regular file of mode 0400 or 0600 that belongs to "
            "the user who runs Coffer."
        )


def _decode(encoded: bytes, position: int) -> bytes:
    try:
        key = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise BadMasterKeys(
            f"Master key {position} must be base64 of exactly {KEY_BYTES} bytes: openssl rand -base64 32"
        )
    if len(set(key)) < _FEWEST_DISTINCT:
        raise BadMasterKeys(f"Master key {position} is not random: make one with openssl rand -base64 32")
    return key
