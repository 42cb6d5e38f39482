"""Checking the arguments of a run against the parameters that its operation declares.

Unknown arguments are refused, defaults are filled in, and the declared JSON Schema is applied (docs/security-rules.md,
"Slots"). Messages quote the declaration and never an argument. Which declarations are supported is decided by
`parameter_schemas.py`; `check_schema` is re-exported, so that callers need one module.
"""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

from jsonschema.exceptions import ValidationError

from accounts.common.fields import write_json
from accounts.errors import FieldError
from integrations.errors import InvalidArguments
from integrations.templating.formats import FORMAT_CHECKER, FORMATS, VALIDATOR
from integrations.templating.json_body import problem_with_json
from integrations.templating.parameter_schemas import check_schema

__all__ = ["check_arguments", "check_schema"]

_MAX_ERRORS = 20

_SENTENCES: dict[str, Callable[[Any], str]] = {
    "type": lambda wanted: f"Give a value of type {wanted if isinstance(wanted, str) else ' or '.join(wanted)}.",
    "enum": lambda wanted: f"Choose one of: {', '.join(map(_shown, wanted))}.",
    "const": lambda wanted: f"This is always {_shown(wanted)}.",
    "minLength": lambda wanted: f"Use at least {wanted} characters.",
    "maxLength": lambda wanted: f"Use at most {wanted} characters.",
    "minimum": lambda wanted: f"Use {wanted} or more.",
    "maximum": lambda wanted: f"Use {wanted} or less.",
    "exclusiveMinimum": lambda wanted: f"Use more than {wanted}.",
    "exclusiveMaximum": lambda wanted: f"Use less than {wanted}.",
    "multipleOf": lambda wanted: f"Use a multiple of {wanted}.",
    "minItems": lambda wanted: f"Give at least {wanted} entries.",
    "maxItems": lambda wanted: f"Give at most {wanted} entries.",
    "uniqueItems": lambda _: "Give each entry once.",
    "minProperties": lambda wanted: f"Give at least {wanted} fields.",
    "maxProperties": lambda wanted: f"Give at most {wanted} fields.",
    "required": lambda wanted: f"Required: {', '.join(wanted)}.",
    "pattern": lambda wanted: f"Match the pattern “{wanted}”.",
    "format": lambda wanted: FORMATS[wanted],
    "contentEncoding": lambda _: "Give the bytes in base64.",
    "additionalProperties": lambda _: "Leave out fields that are not declared.",
    "anyOf": lambda _: "Match one of the declared forms.",
    "oneOf": lambda _: "Match exactly one of the declared forms.",
}


def check_arguments(schema: Mapping[str, Any], params: object) -> dict[str, Any]:
    """Return the arguments with defaults filled in.

    Args:
        schema: a declaration that has passed `check_schema`.
        params: the arguments from the caller.

    Raises:
        InvalidArguments: `errors` names each argument as `params.NAME`.
    """
    if not isinstance(params, Mapping):
        raise _refusal([FieldError("params", "Give the arguments as an object.")])
    properties = schema.get("properties", {})
    errors = [*_unknown(properties, params), *_unsafe(params)]
    if errors:
        raise _refusal(errors)
    complete = {**_defaults(properties), **params}
    errors = [*_missing(schema, complete), *_mismatches(properties, complete)]
    if errors:
        raise _refusal(errors)
    return complete


def _defaults(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: declared["default"] for name, declared in properties.items() if "default" in declared}


def _unknown(properties: Mapping[str, Any], params: Mapping[str, Any]) -> list[FieldError]:
    unknown = [name for name in params if name not in properties]
    sentence = f"There is no such parameter; known are: {', '.join(properties) or 'none'}." if unknown else ""
    return [FieldError(_argument_field(name), sentence) for name in unknown]


def _argument_field(name: object) -> str:
    """Return the field of an undeclared argument; a name that is not printable ASCII is left out."""
    shown = isinstance(name, str) and name.isascii() and name.isprintable()
    return f"params.{name}" if shown else "params"


def _unsafe(params: Mapping[str, Any]) -> list[FieldError]:
    problems = ((name, problem_with_json(value)) for name, value in params.items())
    return [FieldError(f"params.{name}", problem) for name, problem in problems if problem]


def _missing(schema: Mapping[str, Any], params: Mapping[str, Any]) -> list[FieldError]:
    missing = [name for name in schema.get("required", ()) if name not in params]
    return [FieldError(f"params.{name}", "This argument is required.") for name in missing]


def _mismatches(properties: Mapping[str, Any], params: Mapping[str, Any]) -> list[FieldError]:
    errors = _validator(json.dumps(properties)).iter_errors(params) if properties else ()
    return [FieldError(_path(error), _sentence(error)) for error in islice(errors, _MAX_ERRORS)]


@lru_cache(maxsize=256)
def _validator(properties: str) -> Any:
    return VALIDATOR({"properties": json.loads(properties)}, format_checker=FORMAT_CHECKER)


def _path(error: ValidationError) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
    return "params" + "".join(steps)


def _sentence(error: ValidationError) -> str:
    """Return the message for a failed keyword. The library's own message would quote the argument."""
    sentence = _SENTENCES.get(str(error.validator))
    return sentence(error.validator_value) if sentence else "This does not match the declaration of the parameter."


def _shown(choice: Any) -> str:
    return choice if isinstance(choice, str) else write_json(choice)


def _refusal(errors: list[FieldError]) -> InvalidArguments:
    return InvalidArguments("The arguments do not match the declared parameters.", errors=errors)
