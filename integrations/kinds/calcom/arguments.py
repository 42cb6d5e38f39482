"""The arguments of Cal.com's operations: rules beyond their types, and the form in which they are sent."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime

from accounts.errors import FieldError
from integrations.kinds.calcom.zones import problem_with_zone, zone_named

TIMES = ("start", "end")
"""Arguments that are points in time; Cal.com requires UTC."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_NO_OFFSET = "Add a time zone: end the time with Z or an offset, such as 2026-11-23T09:20:00+01:00."
_NO_TIME = "Enter a time such as 2026-11-23T09:20:00Z."
_WHOSE = ("username", "team_slug")
_ID, _SLUG = "event_type_id", "event_type_slug"


def sendable(params: Mapping[str, object]) -> dict[str, object]:
    """Return the arguments as Cal.com takes them. They have no problems.

    Points in time are converted to UTC and whole days are kept; a time zone gets its exact spelling; a slug takes the
    place of the integration's own event type.
    """
    return {name: _sendable(name, value) for name, value in params.items() if name != _ID or _SLUG not in params}


def problems_with_event_type(params: Mapping[str, object], own: int | None) -> Iterator[FieldError]:
    """Yield an error unless the arguments name one event type.

    Args:
        own: the event type of the integration, which is a default and therefore always among the arguments.
    """
    whose = [name for name in _WHOSE if name in params]
    if _SLUG not in params:
        alone = [name for name in (*_WHOSE, "organization_slug") if name in params]
        yield from (FieldError(f"params.{name}", f"Give {_SLUG} with it.") for name in alone)
        if _ID not in params:
            yield FieldError(f"params.{_ID}", f"Give {_ID}, or {_SLUG} with {' or '.join(_WHOSE)}.")
        return
    if params.get(_ID, own) != own:
        yield FieldError(f"params.{_SLUG}", f"Give {_ID} or {_SLUG}, not both.")
    if len(whose) != 1:
        yield FieldError(f"params.{_SLUG}", f"Say whose event type it is: give {' or '.join(_WHOSE)} with it.")


def problems_with_fields(params: Mapping[str, object]) -> Iterator[FieldError]:
    """Yield an error for a booking without e-mail address and phone number, and for fields given twice."""
    if not {"attendee_email", "attendee_phone_number"} & set(params):
        yield FieldError("params.attendee_email", "Give an e-mail address or a phone number.")
    if {"booking_fields", "booking_fields_responses"} <= set(params):
        sentence = "Give booking_fields_responses alone: booking_fields is its former name."
        yield FieldError("params.booking_fields", sentence)


def problems_with_times(params: Mapping[str, object], *, days: bool) -> Iterator[FieldError]:
    """Yield an error for each invalid time, and for an unknown time zone.

    Args:
        days: whether a whole day is accepted.
    """
    zone = params.get("time_zone")
    if isinstance(zone, str) and (problem := problem_with_zone(zone)):
        yield FieldError("params.time_zone", problem)
    for name in TIMES:
        value = params.get(name)
        if not isinstance(value, str):
            continue
        try:
            date.fromisoformat(value) if days and _DAY.fullmatch(value) else _utc(value)
        except (ValueError, OverflowError):
            yield FieldError(f"params.{name}", _NO_TIME)
        except LookupError:
            yield FieldError(f"params.{name}", _NO_OFFSET)


def _utc(text: str) -> str:
    """Convert a time to UTC.

    Raises:
        ValueError, OverflowError: the text is not a time.
        LookupError: the time has no offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise LookupError
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _sendable(name: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    if name == "time_zone":
        return zone_named(value)
    return _utc(value) if name in TIMES and not _DAY.fullmatch(value) else value
