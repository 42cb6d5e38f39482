"""Fingerprints that show whether two values are equal, and nothing else.

A fingerprint is an HMAC with a random key that exists for one comparison only. Within the comparison, equal values have
equal fingerprints; outside it, a fingerprint is meaningless. Fingerprints are never stored.
"""

import hmac
import os

from secrets_app.plaintext import Plaintext


class Fingerprinter:
    """Computes the fingerprints of one comparison."""

    __slots__ = ("_key",)

    def __init__(self) -> None:
        self._key = os.urandom(32)

    def fingerprint(self, value: Plaintext) -> bytes:
        """Return 32 bytes that are equal for equal values only."""
        return hmac.digest(self._key, value.expose().encode(errors="surrogatepass"), "sha256")
