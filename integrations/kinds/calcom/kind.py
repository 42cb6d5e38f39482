"""Cal.com: agents find free slots and book, move and cancel appointments.

Owns: what the configuration may say and which parameters each operation takes. How Cal.com is called is
`calcom_calls.py`, what it answers `calcom_answers.py`.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, get_args
from zoneinfo import available_timezones

from pydantic import Field as Limits

from accounts.errors import FieldError
from integrations.egress.policy import problem_with_header_text
from integrations.exchange.exchange import Destination
from integrations.kinds.base import NO_PARENTS, Kind, Operation, Parents, Slot
from integrations.kinds.calcom.calls import ENDPOINTS, ME, CalcomCall, SignIn
from integrations.kinds.config_fields import (
    Line,
    StrictConfig,
    base_url_problems,
    problem_with_template,
    read_shape,
    template_of,
)
from integrations.kinds.form_sections import Field, Section, Widget
from integrations.templating.placeholders import parse

CLOUD = "https://api.cal.com"
Chosen = Literal["list_slots", "create_booking", "reschedule_booking", "cancel_booking"]
CHOSEN: tuple[Chosen, ...] = get_args(Chosen)
"""The operations that can be left out; `me` and `list_event_types` only look."""

_BEARER = re.compile(r"\s*bearer\s", re.IGNORECASE)
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]{0,63}", re.ASCII)

_TIME = "A time with its offset, such as 2026-11-23T09:20:00+01:00."
_TIME_OR_DAY = "A day such as 2026-11-23, or a time with its offset, such as 2026-11-23T09:20:00+01:00."
_LONG = {"type": "string", "minLength": 1, "maxLength": 1000}
_SHORT = {"type": "string", "minLength": 1, "maxLength": 200}
_MINUTES = {"type": "integer", "minimum": 1, "maximum": 1440}


class CalcomConfig(StrictConfig):
    """`api_key` may hold placeholders."""

    base_url: Annotated[str, Limits(min_length=1, max_length=2048)] = CLOUD
    api_key: Annotated[Line, Limits(min_length=1)]
    event_type_id: Annotated[int, Limits(strict=True, ge=1, le=2**53)] | None = None
    time_zone: Line = ""
    operations: Annotated[list[Chosen], Limits(max_length=len(CHOSEN))] = Limits(default_factory=lambda: list(CHOSEN))


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
        return [operation for operation in _operations(config) if operation.name in wanted]

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


def _operations(config: CalcomConfig) -> Iterator[Operation]:
    event_type = {"type": "integer", "minimum": 1, "description": "The event type's id."}
    if config.event_type_id:
        event_type |= {"default": config.event_type_id}
    zone = {**_SHORT, "description": "The attendee's time zone, such as Europe/Berlin."}
    if config.time_zone:
        zone |= {"default": config.time_zone}
    uid = {**_SHORT, "description": "The booking's uid, as Cal.com gave it."}
    reason = {**_LONG, "description": "Why; the attendee sees it."}
    yield Operation("me", "Show whose API key it is", _object({}), read_only=True)
    yield Operation(
        "list_event_types",
        "List event types",
        _object(
            {
                "username": {**_SHORT, "description": "Whose; left out, those of the API key."},
                "event_slug": {**_SHORT, "description": "The one of this name in its address."},
            }
        ),
        read_only=True,
    )
    yield Operation(
        "list_slots",
        "Find free slots",
        _object(
            {
                "start": {**_SHORT, "description": _TIME_OR_DAY},
                "end": {**_SHORT, "description": _TIME_OR_DAY},
                "event_type_id": event_type,
                "time_zone": zone | {"description": "The time zone of the answer, such as Europe/Berlin."},
                "duration_minutes": {**_MINUTES, "description": "For event types of several lengths."},
                "booking_uid_to_reschedule": {**_SHORT, "description": "Counts the slot of this booking as free."},
            },
            ["start", "end", "event_type_id"],
        ),
        read_only=True,
    )
    yield Operation(
        "create_booking",
        "Book a slot",
        _object(
            {
                "start": {**_SHORT, "description": _TIME},
                "event_type_id": event_type,
                "attendee_name": {**_SHORT, "description": "Who comes."},
                "attendee_email": {**_SHORT, "description": "Needed unless there is a phone number."},
                "attendee_phone_number": {**_SHORT, "description": "With country code, such as +4930123456."},
                "time_zone": zone,
                "attendee_language": {**_SHORT, "description": "Of the mails to the attendee, such as de."},
                "duration_minutes": {**_MINUTES, "description": "For event types of several lengths."},
                "guests": {
                    "type": "array",
                    "items": _SHORT,
                    "maxItems": 50,
                    "description": 'E-mail addresses, such as ["kim@example.com"].',
                },
                "booking_fields": {
                    "type": "object",
                    "description": 'Answers to the event type\'s questions, such as {"title": "Check-up"}.',
                },
                "metadata": {
                    "type": "object",
                    "description": 'Texts to keep with the booking, such as {"call": "17"}.',
                },
            },
            ["start", "event_type_id", "attendee_name", "time_zone"],
        ),
        read_only=False,
    )
    yield Operation(
        "reschedule_booking",
        "Move a booking",
        _object({"booking_uid": uid, "start": {**_SHORT, "description": _TIME}, "reason": reason}, _MOVE),
        read_only=False,
    )
    yield Operation(
        "cancel_booking",
        "Cancel a booking",
        _object({"booking_uid": uid, "reason": reason}, ["booking_uid"]),
        read_only=False,
    )


_MOVE = ["booking_uid", "start"]


def _object(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    """One closed object; what has a default need not be given."""
    needed = [name for name in required or [] if "default" not in properties[name]]
    return {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}
