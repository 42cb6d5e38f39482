"""Parsing of the operator's master keys: `COFFER_MASTER_KEYS`, a list of `id:provider:…` entries, newest first, or
`@/path` of a file with such a list.

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
_LONGEST_FILE = 16 * 1024  # a list of keys; 32 bytes in base64 are 44 characters
_FEWEST_DISTINCT = 16  # 32 random bytes have about 30 distinct values, and practically never fewer than 16


_FORMS = "id:env:BASE64, id:file:/path or id:kms:ARN=/path"


class BadMasterKeys(Exception):  # noqa: N818 - the reason why the server does not start
    """The setting is not usable. The message says which entry and what to do, and contains no key material."""


@final
class MasterKeys:
    """The master keys by id. The first wraps new data keys; the others open the data keys that they wrapped."""

    __slots__ = ("get", "ids", "in_order", "primary_id")

    def __init__(self, keys: dict[str, bytes]) -> None:
        if not keys:
            raise BadMasterKeys(f"There is no master key: set COFFER_MASTER_KEYS to {_FORMS}.")
        self.in_order = tuple(keys)
        """The ids of all keys, as they are listed."""
        self.primary_id = self.in_order[0]
        """The id of the key that wraps new data keys."""
        self.ids = frozenset(keys)
        self.get: Callable[[str], bytes | None] = dict(keys).get
        """Return the 32 bytes of the key with this id, or None if this process does not hold it."""

    def __repr__(self) -> str:
        return "<MasterKeys>"

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError("master keys are not copied or serialised")

    __copy__ = __deepcopy__ = __reduce__ = __reduce_ex__ = __getstate__ = _refuse


def parse_master_keys(text: str) -> MasterKeys:
    """Parse a setting such as `k2:file:/run/keys/k2,k1:env:BASE64`, which lists the newest key first.

    A setting such as `@/etc/coffer/master-keys` names a private file with such a list, where lines separate as well.

    Raises:
        BadMasterKeys: an entry is malformed, repeated, unreadable or weak, or is not base64 of exactly 32 bytes.
    """
    keys: dict[str, bytes] = {}
    for position, entry in enumerate(_entries(text.strip()), start=1):
        key_id, key = _parse_entry(entry, position)
        if key_id in keys or key in keys.values():
            raise BadMasterKeys(f"Master key {position} repeats the id or the key of another entry.")
        keys[key_id] = key
    return MasterKeys(keys)


def _entries(text: str) -> list[str]:
    if text.startswith("@"):
        listed = _read_file(text[1:], "The list of the master keys").decode(errors="replace")
        text = ",".join(line.strip().removesuffix(",") for line in listed.splitlines() if line.strip())
    return [entry.strip() for entry in text.split(",")] if text else []


def _parse_entry(entry: str, position: int) -> tuple[str, bytes]:
    key_id, _, rest = entry.partition(":")
    provider, _, source = rest.partition(":")
    read = _PROVIDERS.get(provider)
    if read is None or not source or not _ID.fullmatch(key_id):
        raise BadMasterKeys(f"Master key {position} must read {_FORMS}.")
    key = read(source, position, key_id)
    if len(key) != KEY_BYTES:
        raise BadMasterKeys(
            f"Master key {position} must be base64 of exactly {KEY_BYTES} bytes: openssl rand -base64 32"
        )
    if len(set(key)) < _FEWEST_DISTINCT:
        raise BadMasterKeys(f"Master key {position} is not random: make one with openssl rand -base64 32")
    return key_id, key


def _from_setting(source: str, _position: int, _key_id: str) -> bytes:
    return _decode(source.encode())


def _from_file(source: str, position: int, _key_id: str) -> bytes:
    return _decode(_read_file(source, f"The file of master key {position}"))


def _from_kms(source: str, position: int, key_id: str) -> bytes:
    try:
        from secrets_app.sealing import kms  # noqa: PLC0415 - only who has such an entry installs the extra
    except ImportError:
        raise BadMasterKeys(
            f"Master key {position} is kept with AWS KMS, but the package botocore is not installed. Install it "
            "(.venv/bin/uv pip install 'botocore>=1.44,<2')."
        ) from None
    arn, _, path = source.partition("=")
    if not kms.ARN.fullmatch(arn):
        raise BadMasterKeys(
            f"Master key {position} must read id:kms:ARN=/path, with the ARN of a key or an alias of AWS KMS, such as "
            "arn:aws:kms:eu-central-1:111122223333:alias/coffer."
        )
    ciphertext = _decode(_read_file(path, f"The file of master key {position}", is_private=False))
    if not ciphertext:
        raise BadMasterKeys(f"The file of master key {position} must hold what AWS KMS encrypted, in base64.")
    try:
        return kms.decrypt(arn, ciphertext, key_id)
    except kms.KmsRefused as refusal:
        raise BadMasterKeys(f"Master key {position}: {refusal}") from None


_PROVIDERS: dict[str, Callable[[str, int, str], bytes]] = {
    "env": _from_setting,
    "file": _from_file,
    "kms": _from_kms,
}


def _read_file(path: str, what: str, *, is_private: bool = True) -> bytes:
    if not Path(path).is_absolute():
        raise BadMasterKeys(f"{what} must be given by its full path.")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe must not block
    except (OSError, ValueError):
        raise BadMasterKeys(f"{what} cannot be read.") from None
    try:
        _require_file(os.fstat(descriptor), what, is_private)  # checks the open file, which cannot be swapped meanwhile
        return os.read(descriptor, _LONGEST_FILE)
    finally:
        os.close(descriptor)


def _require_file(status: os.stat_result, what: str, is_private: bool) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise BadMasterKeys(f"{what} must be a regular file.")
    if is_private and (stat.S_IMODE(status.st_mode) not in _OWNER_ONLY or status.st_uid != os.geteuid()):
        raise BadMasterKeys(f"{what} must have the mode 0400 or 0600 and belong to the user who runs Coffer.")


def _decode(encoded: bytes) -> bytes:
    """Return the decoded bytes; empty if it is not base64."""
    try:
        return base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        return b""
