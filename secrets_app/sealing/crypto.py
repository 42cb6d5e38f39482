"""Sealing and opening of bytes with keys that the caller supplies.

This module owns the sealed format, the authenticated context and the single error for bytes that do not open. It knows
no models, settings or files; `keyring` chooses the key.

Whatever is sealed has the same format (docs/crypto.md, "Format"); a value begins with "CF2", all else with "CF1":

    "CF2" | algorithm (1) | data key id (16) | salt (32) | commitment (32) | nonce (12) | ciphertext | tag (16)

HKDF-SHA-256 (RFC 5869) derives two things from the key and a random salt: a separate key for each message, so that
random nonces do not run out, and a commitment to that key, because with AES-GCM alone one ciphertext can open under two
keys. The context is bound twice, in the derivation and as GCM's associated data, so that a row copied to another place
does not open there.
"""

import hmac
import os
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from secrets_app.plaintext import Plaintext

KEY_BYTES = 32  # AESGCM would also take 16 and 24
OVERHEAD = 112  # bytes that sealing adds

OLD_FORM = b"CF1"
"""How values of earlier versions begin."""

_FORM_1, _FORM_2 = OLD_FORM, b"CF2"
_AES_256_GCM = b"\x01"
_KEY_ID = slice(4, 20)
_SALT = slice(20, 52)
_COMMITMENT = slice(52, 84)
_NONCE = slice(84, 96)
_CIPHERTEXT = slice(96, None)

_VALUE = b"coffer/v2/value"
_OLD_VALUE = b"coffer/v1/value"
_DATA_KEY = b"coffer/v1/dek"
_SEED = b"coffer/v1/seed"
_CANARY = b"coffer/v1/canary"
_SESSION = b"coffer/v1/session"
_AUDIT = b"coffer/v1/audit"
_TEXT = b"coffer/v1/text"

_NO_ID = UUID(int=0)
"""In place of a data key id, where something else than a data key seals."""


class Undecryptable(Exception):  # noqa: N818 - a result that callers branch on
    """The bytes do not open with this key and context. It gives no reason, which would help only an attacker."""

    def __init__(self) -> None:
        super().__init__()


@dataclass(frozen=True, slots=True)
class ValueContext:
    """What a value is bound to: its place, and where it may be sent.

    It holds ids and no names, so a rename does not need to seal again.
    """

    organization: UUID
    secret: UUID
    environment: str
    version: int
    data_key: UUID
    domains: str
    """The allowed domains (`secrets_app.naming.domains.canonical`)."""


def new_data_key() -> bytes:
    """Return 32 random bytes from the operating system."""
    return os.urandom(KEY_BYTES)


def seal_value(data_key: bytes, value: Plaintext, context: ValueContext) -> bytes:
    """Seal a value for the database.

    Returns:
        the sealed bytes, `OVERHEAD` bytes longer than the value in UTF-8.

    Raises:
        ValueError: the key has the wrong size, or the value cannot be encoded in UTF-8.
    """
    return _seal(data_key, _to_utf8(value), _VALUE, context.data_key, _value_fields(context))


def open_value(data_key: bytes, sealed: bytes, context: ValueContext) -> Plaintext:
    """Open a sealed value.

    Raises:
        Undecryptable: the bytes do not open with this key in this context. No part of the value is returned.
    """
    return _from_utf8(_open(data_key, sealed, _VALUE, context.data_key, _value_fields(context)))


def open_old_value(data_key: bytes, sealed: bytes, context: ValueContext) -> Plaintext:
    """Open a value in the form of earlier versions, which did not bind the allowed domains.

    Only `secrets_app.sealing.upgrade` may call this: at run time it would be a way around the domains.

    Raises:
        Undecryptable: the bytes do not open with this key in this context.
    """
    return _from_utf8(_open(data_key, sealed, _OLD_VALUE, context.data_key, _place_fields(context)))


def is_old_value(sealed: bytes) -> bool:
    """Whether sealed bytes have the form that `open_old_value` opens."""
    return sealed.startswith(OLD_FORM)


def seal_text(data_key: bytes, text: Plaintext, data_key_id: UUID, place: tuple[bytes, ...]) -> bytes:
    """Seal a text that is no value of a secret, bound to its place and data key."""
    return _seal(data_key, _to_utf8(text), _TEXT, data_key_id, (*place, data_key_id.bytes))


def open_text(data_key: bytes, sealed: bytes, data_key_id: UUID, place: tuple[bytes, ...]) -> Plaintext:
    """Open a sealed text. Raises Undecryptable."""
    return _from_utf8(_open(data_key, sealed, _TEXT, data_key_id, (*place, data_key_id.bytes)))


def wrap_data_key(
    master_key: bytes, data_key: bytes, *, organization: UUID | None, data_key_id: UUID, master_key_id: str
) -> bytes:
    """Seal a data key with a master key. `organization` is None for the data key of the installation."""
    _require_key(data_key)
    return _seal(master_key, data_key, _DATA_KEY, data_key_id, _wrap_fields(organization, data_key_id, master_key_id))


def unwrap_data_key(
    master_key: bytes, wrapped: bytes, *, organization: UUID | None, data_key_id: UUID, master_key_id: str
) -> bytes:
    """Open a wrapped data key and return its 32 bytes.

    Raises:
        Undecryptable: the bytes do not open with this master key, or hold no key of that size.
    """
    fields = _wrap_fields(organization, data_key_id, master_key_id)
    data_key = _open(master_key, wrapped, _DATA_KEY, data_key_id, fields)
    if len(data_key) != KEY_BYTES:
        raise Undecryptable from None
    return data_key


def seal_seed(data_key: bytes, seed: str, *, user: UUID, data_key_id: UUID) -> bytes:
    """Seal the seed of a person's second factor with the data key of the installation, bound to the person."""
    return _seal(data_key, seed.encode(), _SEED, data_key_id, (user.bytes, data_key_id.bytes))


def open_seed(data_key: bytes, sealed: bytes, *, user: UUID, data_key_id: UUID) -> str:
    """Open the seed of a person's second factor. Raises Undecryptable."""
    return _open(data_key, sealed, _SEED, data_key_id, (user.bytes, data_key_id.bytes)).decode()


def seal_canary(master_key: bytes, master_key_id: str) -> bytes:
    """Seal nothing with a master key, to recognize the key again."""
    return _seal(master_key, b"", _CANARY, _NO_ID, (master_key_id.encode(),))


def opens_canary(master_key: bytes, sealed: bytes, master_key_id: str) -> bool:
    """Whether this master key sealed the canary of this id."""
    try:
        _open(master_key, sealed, _CANARY, _NO_ID, (master_key_id.encode(),))
    except Undecryptable:
        return False
    return True


def seal_session(key: bytes, text: str, row_key: str) -> bytes:
    """Seal what a session holds, bound to the key of its row."""
    return _seal(key, text.encode(), _SESSION, _NO_ID, (row_key.encode(),))


def open_session(key: bytes, sealed: bytes, row_key: str) -> str:
    """Open what a session holds. Raises Undecryptable."""
    return _open(key, sealed, _SESSION, _NO_ID, (row_key.encode(),)).decode()


def session_key(secret: str) -> bytes:
    """Return the key that seals sessions, derived from Django's secret key."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=_SESSION).derive(secret.encode())


def audit_key(data_key: bytes, organization: UUID) -> bytes:
    """Return the key of one organization's audit chain, derived from the data key of the installation."""
    info = _length_prefixed(_AUDIT, organization.bytes)
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(data_key)


def data_key_of(sealed: bytes) -> UUID:
    """Return the id of the data key that is named in a sealed seed.

    Raises:
        Undecryptable: the bytes do not have the sealed format.
    """
    if len(sealed) < OVERHEAD or not sealed.startswith(_FORM_1 + _AES_256_GCM):
        raise Undecryptable from None
    return UUID(bytes=sealed[_KEY_ID])


def _value_fields(context: ValueContext) -> tuple[bytes, ...]:
    return (*_place_fields(context), context.domains.encode())


def _place_fields(context: ValueContext) -> tuple[bytes, ...]:
    return (
        context.organization.bytes,
        context.secret.bytes,
        context.environment.encode(),
        str(context.version).encode(),
        context.data_key.bytes,
    )


def _wrap_fields(organization: UUID | None, data_key_id: UUID, master_key_id: str) -> tuple[bytes, ...]:
    owner = organization.bytes if organization else b""  # no UUID is empty, so it cannot be an organization's
    return (owner, data_key_id.bytes, master_key_id.encode())


def _seal(key: bytes, plain: bytes, label: bytes, key_id: UUID, fields: tuple[bytes, ...]) -> bytes:
    _require_key(key)
    header = _header(label, key_id)
    bound = header + _length_prefixed(label, *fields)
    salt, nonce = os.urandom(32), os.urandom(12)
    message_key, commitment = _derive(key, salt, label, bound)
    return header + salt + commitment + nonce + AESGCM(message_key).encrypt(nonce, plain, bound)


def _open(key: bytes, sealed: bytes, label: bytes, key_id: UUID, fields: tuple[bytes, ...]) -> bytes:
    header = _header(label, key_id)
    if len(key) != KEY_BYTES or len(sealed) < OVERHEAD or not sealed.startswith(header):
        raise Undecryptable from None
    bound = header + _length_prefixed(label, *fields)
    message_key, commitment = _derive(key, sealed[_SALT], label, bound)
    if not hmac.compare_digest(commitment, sealed[_COMMITMENT]):
        raise Undecryptable from None
    try:
        return AESGCM(message_key).decrypt(sealed[_NONCE], sealed[_CIPHERTEXT], bound)
    except InvalidTag:
        raise Undecryptable from None


def _header(label: bytes, key_id: UUID) -> bytes:
    return (_FORM_2 if label == _VALUE else _FORM_1) + _AES_256_GCM + key_id.bytes


def _length_prefixed(*fields: bytes) -> bytes:
    """Join fields, each after its length in four bytes, so that ("a", "bc") and ("ab", "c") differ."""
    return b"".join([len(field).to_bytes(4, "big") + field for field in fields])


def _derive(key: bytes, salt: bytes, label: bytes, bound: bytes) -> tuple[bytes, bytes]:
    """Derive the key of one message and the commitment to it, 32 bytes each."""
    info = label + _AES_256_GCM + sha256(bound).digest()
    derived = HKDF(algorithm=SHA256(), length=64, salt=salt, info=info).derive(key)
    return derived[:32], derived[32:]


def _require_key(key: bytes) -> None:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key is {KEY_BYTES} bytes")


# A codec error carries the whole text in `.object`, and `from None` hides the context without dropping it. Both
# functions therefore raise outside the exception handler.


def _to_utf8(value: Plaintext) -> bytes:
    try:
        encoded = value.expose().encode()
    except UnicodeEncodeError:
        encoded = None
    if encoded is None:
        raise ValueError("a value is text that UTF-8 can carry")
    return encoded


def _from_utf8(plain: bytes) -> Plaintext:
    try:
        text = plain.decode()
    except UnicodeDecodeError:
        text = None
    if text is None:
        raise Undecryptable from None
    return Plaintext(text)
