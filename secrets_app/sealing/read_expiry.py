"""The day on which a value expires, read from the value itself: a JSON Web Token or a certificate in PEM.

Nothing is verified: the date is a reminder for people, not a decision. Only the date leaves this module.
"""

import base64
import json
from collections.abc import Iterable
from datetime import UTC, date, datetime

from cryptography import x509

from secrets_app.plaintext import Plaintext

CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
PARTS_OF_A_TOKEN = 3


def expiry_of(value: Plaintext) -> date | None:
    """Return the last day (UTC) of a token or of the first of its certificates to expire; None if it states none."""
    content = value.expose().strip().encode(errors="surrogatepass")
    ends = _ends_of_certificates(content) if CERTIFICATE in content else _ends_of_token(content)
    return min(ends, default=None)


def first_expiry(values: Iterable[Plaintext | None]) -> date | None:
    """Return the first day on which one of these values expires; None if none of them states a day."""
    return min((day for value in values if value is not None and (day := expiry_of(value))), default=None)


def _ends_of_certificates(content: bytes) -> list[date]:
    try:
        return [found.not_valid_after_utc.date() for found in x509.load_pem_x509_certificates(content)]
    except ValueError:
        return []


def _ends_of_token(content: bytes) -> list[date]:
    """Return the day of the claim `exp` (RFC 7519, section 4.1.4), if this is a token that has one."""
    parts = content.split(b".")
    if len(parts) != PARTS_OF_A_TOKEN:
        return []
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + b"=" * (-len(parts[1]) % 4)))
        return [datetime.fromtimestamp(claims["exp"], UTC).date()]
    except (ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError):
        return []
