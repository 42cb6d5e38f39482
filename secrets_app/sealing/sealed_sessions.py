"""Sealing what sessions hold, such as the code of a mail that was just sent, with a key derived from Django's secret.

Master keys are left alone here: they may be in a key management service, and a session is opened for every page.
"""

import base64
from functools import cache

from django.conf import settings

from secrets_app.sealing import crypto


def seal(text: str, row_key: str) -> str:
    """Seal text for the session with this row key."""
    return base64.b64encode(crypto.seal_session(_key(settings.SECRET_KEY), text, row_key)).decode()


def open_or_none(sealed: str, row_key: str) -> str | None:
    """Open the text of the session with this row key, or return None if it was changed or is of another row."""
    try:
        return crypto.open_session(_key(settings.SECRET_KEY), base64.b64decode(sealed, validate=True), row_key)
    except (ValueError, crypto.Undecryptable):
        return None


@cache
def _key(secret: str) -> bytes:
    return crypto.session_key(secret)
