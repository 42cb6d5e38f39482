"""The kind `calcom`: agents find free slots and create, move and cancel bookings.

This module holds the kind and the rules of its configuration. The operations are in `operations.py`, the requests in
`calls.py`, and responses are read in `responses.py`.
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from typing_extensions import override

from accounts.errors import FieldError
from integrations.exchange.exchange import Destination
from integrations.kinds.base import NO_PARENTS, Kind, Operation, Parents, Slot
from integrations.kinds.calcom.calls import ENDPOINTS, ME, CalcomCall, SignIn
from integrations.kinds.calcom.config import CLOUD, OPTIONAL_OPERATIONS, CalcomConfig
from integrations.kinds.calcom.operations import operations
from integrations.kinds.calcom.zones import problem_with_zone
from integrations.kinds.config_fields import (
    base_url_problems,
)
from integrations.kinds.form_sections import Field, Section, Widget
from integrations.kinds.http_parts import credential_problems
from integrations.templating.placeholders import parse

_BEARER = re.compile(r"\s*bearer\s", re.IGNORECASE)


class Calcom(Kind[CalcomConfig]):
    """The kind `calcom`."""

    shape: ClassVar[type[Any]] = CalcomConfig
    key: ClassVar[str] = "calcom"
    label: ClassVar[str] = "Cal.com"
    plural: ClassVar[str] = "Cal.com"
    icon: ClassVar[str] = "calendar-days"
    about: ClassVar[str] = "Cal.com. Agents find free slots and book them, each environment in its own team."
    sections: ClassVar[tuple[Section, ...]] = (
        Section(
            "Connection",
            (
                Field(
                    "base_url",
                    "Cal.com address",
                    hint="The address of the API: Cal.com's own, or that of your own server. The “/v2” is added.",
                    placeholder=CLOUD,
                    default=CLOUD,
                ),
                Field(
                    "api_key",
                    "API key",
                    Widget.TEMPLATE,
                    hint="The key of the team account, not of one person: it stops working when that person leaves. "
                    "Type { to insert a secret.",
                    placeholder="{secrets.name}",
                ),
            ),
        ),
        Section(
            "Bookings",
            (
                Field(
                    "event_type_id",
                    "Event type",
                    Widget.NUMBER,
                    hint="The number at the end of its address at Cal.com. Agents need not give it then.",
                    optional=True,
                ),
                Field(
                    "time_zone",
                    "Time zone",
                    hint="The attendees' time zone, unless an agent gives another one.",
                    placeholder="Europe/Berlin",
                    optional=True,
                ),
                Field(
                    "operations",
                    "Agents may",
                    Widget.CHOICES,
                    choices=(
                        ("list_slots", "Find free slots", ""),
                        ("create_booking", "Book a slot", ""),
                        ("reschedule_booking", "Move a booking", ""),
                        ("cancel_booking", "Cancel a booking", ""),
                    ),
                    default=OPTIONAL_OPERATIONS,
                ),
            ),
        ),
    )

    def problems(self, config: CalcomConfig) -> list[FieldError]:
        """Return what is wrong with each part."""
        return [*base_url_problems(config.base_url), *_key_problems(config.api_key), *_zone_problems(config.time_zone)]

    def summary(self, config: CalcomConfig) -> str:
        """Return the host and event type: `api.cal.com · Event type 42`."""
        host = config.base_url.partition("://")[2].partition("/")[0]
        return f"{host} · Event type {config.event_type_id}" if config.event_type_id else host

    def slots(self, config: CalcomConfig) -> list[Slot]:
        """Return the slot `auth.api_key`."""
        return [Slot("auth.api_key", parse(config.api_key), "config.api_key")]

    def destinations(self, config: CalcomConfig) -> list[Destination]:
        """Return the address of the API."""
        return [Destination("config.base_url", api_url(config.base_url))]

    def operations(self, config: CalcomConfig) -> list[Operation]:
        """Return the chosen operations, with event type and time zone of the integration as defaults."""
        wanted = {"me", "list_event_types", *config.operations}
        return [operation for operation in operations(config) if operation.name in wanted]

    @override
    def plan(self, config: CalcomConfig, operation: str, parents: Parents = NO_PARENTS) -> CalcomCall:
        """Return the request of an operation."""
        endpoint = ENDPOINTS[operation]
        return CalcomCall(api_url(config.base_url), parse(config.api_key), endpoint, config.event_type_id)

    @override
    def check(self, config: CalcomConfig, parents: Parents = NO_PARENTS) -> SignIn:
        """Return the request for the key's account. Slots and bookings can be read without a key, so they prove
        nothing.
        """
        return SignIn(CalcomCall(api_url(config.base_url), parse(config.api_key), ME))


def api_url(base_url: str) -> str:
    """Return the address that all paths are appended to; `/v2` is added unless the base URL ends in it."""
    trimmed = base_url.rstrip("/")
    path = trimmed.partition("://")[2].partition("/")[2]
    return trimmed if path.rpartition("/")[2] == "v2" else f"{trimmed}/v2"


def _key_problems(text: str) -> Iterator[FieldError]:
    problems = [*credential_problems("config.api_key", text)]
    yield from problems
    if not problems and _BEARER.match(text):
        yield FieldError("config.api_key", "Leave out “Bearer”: Coffer adds it.")


def _zone_problems(name: str) -> Iterator[FieldError]:
    if name and (problem := problem_with_zone(name)):
        yield FieldError("config.time_zone", problem)
