"""Cal.com integrations."""

from accounts.common.environments import Environment
from integrations.editing.integrations import create_integration
from tests.peers.calcom import FREE

S, P = Environment.STAGING, Environment.PRODUCTION
BOOKING = {"start": FREE, "attendee_name": "Lena", "attendee_email": "lena@example.com"}


def make_calendar(actor, url, *, environments=(S,), **config):
    return create_integration(
        actor=actor,
        kind="calcom",
        name="Reception calendar",
        environments=environments,
        config={
            "base_url": url,
            "api_key": "{secrets.calcom.key}",
            "event_type_id": 42,
            "time_zone": "Europe/Berlin",
            **config,
        },
    )


def told(result):
    """Code and message of an error that was answered."""
    error = result.answer.body["error"]
    return error["code"], error["message"]
