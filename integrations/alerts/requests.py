"""The request of one try: what is sent where, opened and signed at the last moment."""

from datetime import datetime

from yarl import URL

from integrations.alerts import audit_batches, messages
from integrations.alerts.signing import authorization_of, opened, signed_headers
from integrations.exchange.messages import OutgoingRequest
from integrations.models import AlertEndpoint, Delivery, EndpointKind

SECONDS = 10.0
"""How long a receiver has to answer."""
MOST_BYTES = 64 * 1024
"""How much of an answer is read, and thrown away."""
NEEDED = (
    "organization", "address__data_key", "authorization__data_key", "signing__data_key", "signing_before__data_key"
)  # fmt: skip
"""What has to be loaded with an endpoint."""
JSON = "application/json"


def of(endpoint: AlertEndpoint, delivery: Delivery, now: datetime) -> OutgoingRequest:
    """Return the request of a try.

    Raises:
        CannotOpen: a sealed text of the endpoint does not open.
    """
    media_type, body = _body(endpoint, delivery)
    headers = [
        ("Content-Type", media_type),
        ("User-Agent", "Coffer"),
        *signed_headers(endpoint, delivery.event_id, body, now),
        *authorization_of(endpoint),
    ]
    address = opened(endpoint.address) if endpoint.address else endpoint.url
    return OutgoingRequest(
        "POST", URL(address, encoded=True), tuple(headers), body.encode(), SECONDS, MOST_BYTES, needs_body=False
    )


def _body(endpoint: AlertEndpoint, delivery: Delivery) -> tuple[str, str]:
    """Return the media type and the text."""
    match EndpointKind(endpoint.kind):
        case EndpointKind.SLACK:
            return JSON, messages.slack_body(delivery)
        case EndpointKind.TEAMS:
            return JSON, messages.teams_body(delivery)
        case EndpointKind.AUDIT_LINES | EndpointKind.AUDIT_OTLP:
            return audit_batches.content_type(endpoint), audit_batches.body(endpoint, delivery)
        case _:
            return JSON, delivery.body
