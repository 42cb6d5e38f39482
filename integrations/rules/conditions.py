"""The JSON Schema by which a rule judges arguments, and the times of the week at which it holds."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from jsonschema.exceptions import ValidationError

from accounts.common.fields import write_json
from accounts.errors import FieldError
from integrations.rules.shape import Day, Hours, Rule
from integrations.templating.json_body import problem_with_json
from integrations.templating.parameter_schemas import place_of_error, problem_with_keywords

MOST_SCHEMA_BYTES = 8192


def problems_with_schema(schema: Mapping[str, Any], field: str) -> Iterator[FieldError]:
    """Yield what is wrong with a schema of arguments: the keywords are those of parameters, and `not`."""
    text = write_json(schema)
    if len(text) > MOST_SCHEMA_BYTES:
        yield FieldError(field, f"Use at most {MOST_SCHEMA_BYTES} bytes for the conditions of a rule.")
    elif problem := problem_with_json(schema) or problem_with_keywords(schema):
        yield FieldError(field, problem)
    elif (place := place_of_error(text)) is not None:
        yield FieldError(f"{field}{place}", "This is not valid JSON Schema (draft 2020-12).")


def mismatch(rule: Rule, arguments: Mapping[str, Any]) -> str | None:
    """Return a JSON Pointer to the first argument that does not fit the schema of a rule; None if all do.

    The pointer is empty if the arguments do not fit as a whole, and that of the missing argument if one is missing.
    """
    if rule.is_negated:  # the library would make a validator at each call, which takes longer than all the rest
        return "" if rule.validator.is_valid(arguments) else None
    error = next(rule.validator.iter_errors(arguments), None)
    return None if error is None else _pointer(error)


def _pointer(error: ValidationError) -> str:
    steps: list[str | int] = list(error.absolute_path)
    if error.validator == "required" and isinstance(error.instance, Mapping):
        required: Any = error.validator_value
        steps += [name for name in required if name not in error.instance][:1]
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)


def problems_with_hours(hours: Hours, field: str) -> Iterator[FieldError]:
    """Yield what is wrong with times of the week whose shape is right."""
    if hours.time_zone not in available_timezones():
        yield FieldError(f"{field}.time_zone", "Choose a time zone by its IANA name, such as Europe/Berlin.")
    if len(set(hours.days)) < len(hours.days):
        yield FieldError(f"{field}.days", "Name each day once.")


def holds_at(hours: Hours, moment: datetime) -> bool:
    """Return whether a moment, with its time zone, is within these times of the week.

    Times that end on the next day belong to the day on which they start.
    """
    local = moment.astimezone(ZoneInfo(hours.time_zone))
    time, day = local.strftime("%H:%M"), _day_of(local)
    if hours.start < hours.end:
        within = day in hours.days and hours.start <= time < hours.end
    else:
        is_after_start = day in hours.days and time >= hours.start
        within = is_after_start or (_day_of(local - timedelta(days=1)) in hours.days and time < hours.end)
    return within != hours.outside


def _day_of(moment: datetime) -> Day:
    return list(Day)[moment.weekday()]
