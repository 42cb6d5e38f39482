"""The operations of a Cal.com integration, each with its parameters as JSON Schema."""

from typing import Any

from integrations.kinds.base import Operation
from integrations.kinds.calcom.config import CalcomConfig

_LONG = {"type": "string", "minLength": 1, "maxLength": 1000}
_SHORT = {"type": "string", "minLength": 1, "maxLength": 200}
_TIME = {**_SHORT, "description": "A time with its offset.", "examples": ["2026-11-23T09:20:00+01:00"]}
_TIME_OR_DAY = {
    **_SHORT,
    "description": "A day, or a time with its offset.",
    "examples": ["2026-11-23", "2026-11-23T09:20:00+01:00"],
}
_MINUTES = {"type": "integer", "minimum": 1, "maximum": 1440}
_UID = {**_SHORT, "description": "The booking's uid, as returned by Cal.com."}
_REASON = {**_LONG, "description": "The reason; the attendee sees it."}
_GUESTS = {
    "type": "array",
    "items": _SHORT,
    "maxItems": 50,
    "description": "E-mail addresses.",
    "examples": [["kim@example.com"]],
}
_BOOKING_FIELDS = {
    "type": "object",
    "description": "Answers to the event type's questions.",
    "examples": [{"title": "Check-up"}],
}
_FORMER_FIELDS = {**_BOOKING_FIELDS, "deprecated": True, "description": "The former name of booking_fields_responses."}
_LOCATION = {
    "type": ["object", "string"],
    "maxLength": 1000,
    "description": "Where it takes place, if the event type offers several locations.",
    "examples": [{"type": "attendeePhone", "phone": "+4930123456"}, {"type": "integration", "integration": "zoom"}],
}
_SEAT = {**_SHORT, "description": "The uid of one attendee's seat, for event types with seats."}
_METADATA = {
    "type": "object",
    "description": "Texts to keep with the booking.",
    "examples": [{"call": "17"}],
}


def operations(config: CalcomConfig) -> list[Operation]:
    """Return all operations. Event type and time zone of the integration are defaults of their parameters."""
    return [
        Operation("me", "Show whose API key it is", _object({}), read_only=True),
        _list_event_types(),
        _list_slots(config),
        _create_booking(config),
        Operation(
            "reschedule_booking",
            "Move a booking",
            _object(
                {"booking_uid": _UID, "start": _TIME, "reason": _REASON, "seat_uid": _SEAT},
                ["booking_uid", "start"],
            ),
            read_only=False,
            destructive=True,
        ),
        Operation(
            "cancel_booking",
            "Cancel a booking",
            _object({"booking_uid": _UID, "reason": _REASON, "seat_uid": _SEAT}, ["booking_uid"]),
            read_only=False,
            destructive=True,
            idempotent=True,
        ),
    ]


def _list_event_types() -> Operation:
    return Operation(
        "list_event_types",
        "List event types",
        _object(
            {
                "username": {
                    **_SHORT,
                    "description": "Whose event types to list; by default, those of the API key.",
                },
                "event_slug": {**_SHORT, "description": "The slug in the address of the event type."},
            }
        ),
        read_only=True,
    )


def _list_slots(config: CalcomConfig) -> Operation:
    zone = _time_zone(config) | {"description": "The IANA time zone of the response."}
    properties = {
        "start": _TIME_OR_DAY,
        "end": _TIME_OR_DAY,
        **_event_type(config),
        "time_zone": zone,
        "duration_minutes": {**_MINUTES, "description": "The length, for event types with several lengths."},
        "booking_uid_to_reschedule": {**_SHORT, "description": "The uid of a booking whose slot counts as free."},
    }
    return Operation("list_slots", "Find free slots", _object(properties, ["start", "end"]), read_only=True)


def _create_booking(config: CalcomConfig) -> Operation:
    properties = {
        "start": _TIME,
        **_event_type(config),
        "attendee_name": {**_SHORT, "description": "The name of the attendee."},
        "attendee_email": {**_SHORT, "description": "Required unless there is a phone number."},
        "attendee_phone_number": {**_SHORT, "description": "With country code.", "examples": ["+4930123456"]},
        "time_zone": _time_zone(config),
        "attendee_language": {**_SHORT, "description": "The language of mails to the attendee.", "examples": ["de"]},
        "duration_minutes": {**_MINUTES, "description": "The length, for event types with several lengths."},
        "guests": _GUESTS,
        "location": _LOCATION,
        "booking_fields_responses": _BOOKING_FIELDS,
        "booking_fields": _FORMER_FIELDS,
        "metadata": _METADATA,
    }
    needed = ["start", "attendee_name", "time_zone"]
    return Operation("create_booking", "Book a slot", _object(properties, needed), read_only=False)


def _event_type(config: CalcomConfig) -> dict[str, Any]:
    """Return the parameters that name an event type; `arguments.problems_with_event_type` has their rules."""
    event_type = {
        "type": "integer",
        "minimum": 1,
        "description": "The event type's id. Leave it out with event_type_slug.",
    }
    return {
        "event_type_id": event_type | ({"default": config.event_type_id} if config.event_type_id else {}),
        "event_type_slug": {
            **_SHORT,
            "description": "The slug in the event type's address, in place of its id; with username or team_slug.",
        },
        "username": {**_SHORT, "description": "Whose event type the slug names: a person's user name."},
        "team_slug": {**_SHORT, "description": "Whose event type the slug names: a team's slug."},
        "organization_slug": {**_SHORT, "description": "The slug of the organization of that person or team."},
    }


def _time_zone(config: CalcomConfig) -> dict[str, Any]:
    zone = {**_SHORT, "description": "The attendee's IANA time zone.", "examples": ["Europe/Berlin"]}
    return zone | ({"default": config.time_zone} if config.time_zone else {})


def _object(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    """Return the schema of a closed object. Properties with a default are not required."""
    needed = [name for name in required or [] if "default" not in properties[name]]
    return {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}
