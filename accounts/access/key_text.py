"""The text of an API key: making and parsing it.

It is `cof_`, 11 characters of id, 43 of secret and 6 of checksum, in base 62 (docs/security-rules.md, "API keys"). The
id finds the row, the secret has 256 random bits, and the CRC-32 lets secret scanners and Coffer reject a typo without a
look-up. Only the prefix and a digest are stored.
"""

import hashlib
import re
import secrets
import string
import zlib
from dataclasses import dataclass, field

MARK = "cof_"
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_LENGTH, SECRET_LENGTH, CHECKSUM_LENGTH = 11, 43, 6
LENGTH = len(MARK) + ID_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH
_has_form = re.compile(rf"{MARK}[{ALPHABET}]{{{LENGTH - len(MARK)}}}").fullmatch


@dataclass(frozen=True, slots=True)
class KeyText:
    """A complete API key. Only its prefix (in clear) and the digest of the whole text are stored."""

    text: str = field(repr=False)

    @property
    def prefix(self) -> str:
        """`cof_` and the id, which are safe to show."""
        return self.text[: len(MARK) + ID_LENGTH]

    @property
    def digest(self) -> bytes:
        """The SHA-256 of the whole text, 32 bytes."""
        return hashlib.sha256(self.text.encode("ascii")).digest()


def new_key() -> KeyText:
    """Return a new random key."""
    body = MARK + "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH + SECRET_LENGTH))
    return KeyText(body + checksum(body))


def read_key(text: str) -> KeyText | None:
    """Parse a key. Returns None if the length, the alphabet or the checksum is wrong."""
    if not _has_form(text) or checksum(text[:-CHECKSUM_LENGTH]) != text[-CHECKSUM_LENGTH:]:
        return None
    return KeyText(text)


def checksum(body: str) -> str:
    """Return the CRC-32 of `body` as six base-62 digits."""
    number, digits = zlib.crc32(body.encode("ascii")), ""
    for _ in range(CHECKSUM_LENGTH):
        number, rest = divmod(number, len(ALPHABET))
        digits = ALPHABET[rest] + digits
    return digits
