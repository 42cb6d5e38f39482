"""Cal.com: agents find free slots and book, move and cancel appointments.

Owns: the kind and the rules of its configuration. Its operations are `operations.py`, the calls that they make are
`calls.py`, and Cal.com's responses are read in `answers.py`.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, ClassVar
from zoneinfo import available_timezones

from accounts.errors import FieldError
from integrations.egress.policy import problem_with_header_text
from integrations.exchange.exchange import Destination
from integrations.kinds.base import NO_PARENTS, Kind, Operation, Parents, Slot
from integrations.kinds.calcom.calls import ENDPOINTS, ME, CalcomCall, SignIn
from integrations.kinds.calcom.config import CHOSEN, CLOUD, CalcomConfig
from integrations.kinds.calcom.operations import operations
from integrations.kinds.config_fields import (
    base_url_problems,
    problem_with_template,
    read_shape,
    template_of,
)
from integrations.kinds.form_sections import Field, Section, Widget
from integrations.templating.placeholders import parse

_BEARER = re.compile(r"\s*bearer\s", re.IGNORECASE)
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]{0,63}", re.ASCII)


class Calcom(Kind[CalcomConfig]):
    """The kind `calcom`."""

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
                    hint="The number at the end of its address at Cal.com. Agents need not say it then.",
                    optional=True,
                ),
                Field(
                    "time_zone",
                    "Time zone",
                    hint="Where attendees are unless an agent says otherwise.",
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
                    default=CHOSEN,
                ),
            ),
        ),
    )

    def read(self, raw: Mapping[str, Any]) -> CalcomConfig:
        """Known fields, right types. Raises Invalid."""
        return read_shape(CalcomConfig, raw)

    def problems(self, config: CalcomConfig) -> list[FieldError]:
        """What is wrong with each part."""
        return [*base_url_problems(config.base_url), *_key_problems(config.api_key), *_zone_problems(config.time_zone)]

    def summary(self, config: CalcomConfig) -> str:
        """`api.cal.com · Event type 42`."""
        host = config.base_url.partition("://")[2].partition("/")[0]
        return f"{host} · Event type {config.event_type_id}" if config.event_type_id else host

    def slots(self, config: CalcomConfig) -> list[Slot]:
        """`auth.api_key`."""
        return [Slot("auth.api_key", parse(config.api_key), "config.api_key")]

    def destinations(self, config: CalcomConfig) -> list[Destination]:
        """The address of the API."""
        return [Destination("config.base_url", api_url(config.base_url))]

    def operations(self, config: CalcomConfig) -> list[Operation]:
        """Those that agents may use, with the integration's event type and time zone as defaults."""
        wanted = {"me", "list_event_types", *config.operations}
        return [operation for operation in operations(config) if operation.name in wanted]

    def plan(self, config: CalcomConfig, operation: str, parents: Parents = NO_PARENTS) -> CalcomCall:  # noqa: ARG002
        """The call of an operation."""
        return CalcomCall(api_url(config.base_url), parse(config.api_key), ENDPOINTS[operation])

    def check(self, config: CalcomConfig, parents: Parents = NO_PARENTS) -> SignIn:  # noqa: ARG002
        """Whose key it is. Slots and bookings would answer without any key, so they prove nothing."""
        return SignIn(CalcomCall(api_url(config.base_url), parse(config.api_key), ME))


def api_url(base_url: str) -> str:
    """The address that all paths are below: `/v2` is added where it does not end in it."""
    trimmed = base_url.rstrip("/")
    path = trimmed.partition("://")[2].partition("/")[2]
    return trimmed if path.rpartition("/")[2] == "v2" else f"{trimmed}/v2"


def _key_problems(text: str) -> Iterator[FieldError]:
    template = template_of(text)
    if template is None:
        yield from problem_with_template("config.api_key", text)
    elif template.param_names:
        yield FieldError("config.api_key", "A credential cannot hold an argument; use {secrets.NAME}.")
    elif _BEARER.match(text):
        yield FieldError("config.api_key", "Leave out “Bearer”: Coffer writes it.")
    elif problem := problem_with_header_text(template):
        yield FieldError("config.api_key", problem)


def _zone_problems(name: str) -> Iterator[FieldError]:
    known = _known_zones()
    if name and (not _ZONE.fullmatch(name) or (known and name not in known)):
        yield FieldError("config.time_zone", "Write a time zone like Europe/Berlin.")


@cache
def _known_zones() -> frozenset[str]:
    """Those of the machine; empty where it has no list of them."""
    return frozenset(available_timezones())
