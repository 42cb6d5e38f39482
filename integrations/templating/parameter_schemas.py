"""The JSON Schema subset that may declare the parameters of an operation.

The schema is one object whose properties are the parameters (docs/security-rules.md, "Slots"). Editors of an
integration write it and agents send the arguments, so only keywords whose check is cheap and local are supported: no
`$ref`, which would fetch something, and no `pattern`, which would run one party's regular expression on another's text.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from accounts.errors import FieldError
from integrations.templating.json_body import problem_with_json
from integrations.templating.placeholders import PARAM_NAME

MAX_PARAMETERS = 64

_WHOLE = frozenset({"$schema", "type", "title", "description", "properties", "required", "additionalProperties"})
_ANNOTATIONS = frozenset({"title", "description", "default", "examples", "deprecated", "format"})
_CHECKS = frozenset(
    {"type", "enum", "const", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
    | {"multipleOf", "minItems", "maxItems", "minProperties", "maxProperties", "required"}
)
_NESTED = frozenset({"properties", "additionalProperties", "items", "anyOf", "oneOf", "allOf"})
_SCALARS = frozenset({"string", "number", "integer", "boolean"})
_NAME = re.compile(PARAM_NAME)


def check_schema(schema: object, field: str = "config.parameters") -> list[FieldError]:
    """Return what is wrong with a declaration; an empty list if it can be used. Messages quote only keywords."""
    if not isinstance(schema, dict):
        return [FieldError(field, "Write a JSON Schema object.")]
    problem = problem_with_json(schema)
    if problem:
        return [FieldError(field, problem)]
    shape = _first(_whole_errors(schema, field)) or [*_keyword_errors(schema.get("properties", {}), field)]
    return shape or _first(_metaschema_errors(schema, field)) or [*_default_errors(schema, field)]


def is_always_given(schema: Mapping[str, Any], name: str) -> bool:
    """Return whether every run has this argument: it is required or has a default."""
    return name in schema.get("required", ()) or "default" in schema["properties"][name]


def may_be_text(schema: Mapping[str, Any], name: str) -> bool:
    """Return whether every value of the declared type has one spelling as text: no list, object or null."""
    declared = schema["properties"][name].get("type")
    types = {declared} if isinstance(declared, str) else set(declared or ())
    return types <= _SCALARS


def _first(errors: Iterator[FieldError]) -> list[FieldError]:
    found = next(errors, None)
    return [found] if found else []


def _whole_errors(schema: dict[str, Any], field: str) -> Iterator[FieldError]:
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if schema.get("type", "object") != "object":
        yield FieldError(f"{field}.type", "Declare one object; the parameters are its properties.")
    if not isinstance(properties, dict) or len(properties) > MAX_PARAMETERS:
        yield FieldError(f"{field}.properties", f"List at most {MAX_PARAMETERS} parameters, by name.")
    if not schema.keys() <= _WHOLE:
        yield FieldError(field, f"Around the parameters, use only: {', '.join(sorted(_WHOLE))}.")
    if schema.get("additionalProperties", False) is not False:
        yield FieldError(f"{field}.additionalProperties", "Arguments that are not declared are always refused.")
    if not isinstance(required, list) or not all(name in properties for name in required if isinstance(name, str)):
        yield FieldError(f"{field}.required", "List names that are declared under properties.")


def _keyword_errors(properties: dict[str, Any], field: str) -> Iterator[FieldError]:
    for name, declared in properties.items():
        place = f"{field}.properties.{name}"
        if not _NAME.fullmatch(name):
            yield FieldError(
                place, "Name a parameter with letters, digits, “_” and “-”, starting with a letter or “_”."
            )
        elif not isinstance(declared, dict):
            yield FieldError(place, "Describe the parameter with an object.")
        elif problem := _problem_with_keywords(declared):
            yield FieldError(place, problem)


def _problem_with_keywords(schema: dict[str, Any]) -> str | None:
    if not schema.keys() <= _ANNOTATIONS | _CHECKS | _NESTED:
        known = ", ".join(sorted(_ANNOTATIONS | _CHECKS | _NESTED))
        return f"A keyword is not supported here, $ref and pattern among them. Supported are: {known}."
    problems = (_problem_with_keywords(child) for child in _children(schema))
    return next((problem for problem in problems if problem), None)


def _children(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the schemas inside a schema. Values of the wrong type are left to the metaschema."""
    places = [schema.get("additionalProperties"), schema.get("items")]
    named = schema.get("properties")
    places.extend(named.values() if isinstance(named, dict) else [])
    for keyword in ("anyOf", "oneOf", "allOf"):
        listed = schema.get(keyword)
        places.extend(listed if isinstance(listed, list) else [])
    return [place for place in places if isinstance(place, dict)]


def _metaschema_errors(schema: dict[str, Any], field: str) -> Iterator[FieldError]:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
        yield FieldError(f"{field}{place}", "This is not valid JSON Schema (draft 2020-12).")


def _default_errors(schema: dict[str, Any], field: str) -> Iterator[FieldError]:
    for name, declared in schema.get("properties", {}).items():
        if "default" in declared and not Draft202012Validator(declared).is_valid(declared["default"]):
            yield FieldError(f"{field}.properties.{name}.default", "The default does not match the parameter.")
