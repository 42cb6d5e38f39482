"""Signing secrets, and the headers that prove where a request comes from (https://www.standardwebhooks.com)."""

import base64
import os
from datetime import datetime, timedelta

from standardwebhooks import Webhook

from integrations.models import AlertEndpoint
from secrets_app.models import SealedText
from secrets_app.plaintext import Plaintext
from secrets_app.sealing import sealed_texts
from secrets_app.sealing.keyring import CannotOpen

PREFIX, SECRET_BYTES = "whsec_", 32
SIGNS_ALONG = timedelta(hours=24)
"""How long a replaced secret signs beside the new one."""
SIGNING, ADDRESS, AUTHORIZATION = "signing secret", "address", "authorization"
"""What the sealed texts of an endpoint are for."""


def new_secret() -> Plaintext:
    """Return a random signing secret as receivers take it."""
    return Plaintext(PREFIX + base64.b64encode(os.urandom(SECRET_BYTES)).decode())


def signed_headers(endpoint: AlertEndpoint, event_id: str, body: str, now: datetime) -> list[tuple[str, str]]:
    """Return the headers of one try: with the signature of the replaced secret too, while that is good.

    Raises:
        CannotOpen: a secret does not open.
    """
    secrets = [opened(endpoint.signing)] if endpoint.signing else []
    if endpoint.signing_before and endpoint.signing_before_until and now < endpoint.signing_before_until:
        secrets.append(opened(endpoint.signing_before))
    if not secrets:
        return []
    signatures = [Webhook(secret).sign(event_id, now, body) for secret in secrets]
    return [
        ("webhook-id", event_id),
        ("webhook-timestamp", str(int(now.timestamp()))),
        ("webhook-signature", " ".join(signatures)),
    ]


def opened(text: SealedText) -> str:
    """Return a sealed text of an endpoint. Raises CannotOpen."""
    return sealed_texts.open_text(text).expose()


def bound_to(url: str, authorization: str) -> Plaintext:
    """Return the header of a collector as it is sealed: with the only address that it may be sent to."""
    return Plaintext(f"{url}\n{authorization}")


def authorization_of(endpoint: AlertEndpoint) -> list[tuple[str, str]]:
    """Return the header that a collector wants, if there is one.

    Raises:
        CannotOpen: it does not open, or was entered for another address.
    """
    if endpoint.authorization is None:
        return []
    url, _, text = opened(endpoint.authorization).partition("\n")
    if url != endpoint.url:
        raise CannotOpen
    return [("Authorization", text)]
