"""The JSON Schema subset that may declare the parameters of an operation.

The schema is one object whose properties are the parameters (docs/security-rules.md, "Slots"). Editors of an
integration write it and agents send the arguments, so only keywords whose check is cheap and local are supported: no
`$ref`, which would fetch something, and `pattern` only as RE2 reads it, which is linear in the text.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from accounts.common.fields import read_json, write_json
from accounts.errors import FieldError
from integrations.templating.files import as_callers_see, is_base64, is_file
from integrations.templating.formats import VALIDATOR, problem_with_pattern
from integrations.templating.json_body import problem_with_json
from integrations.templating.placeholders import PARAM_NAME

MAX_PARAMETERS = 64

_WHOLE = frozenset({"$schema", "type", "title", "description", "properties", "required", "additionalProperties"})
_ANNOTATIONS = frozenset({"title", "description", "default", "examples", "deprecated", "format"})
_ENCODINGS = frozenset({"contentEncoding", "contentMediaType"})
_CHECKS = frozenset(
    {"type", "enum", "const", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
    | {"multipleOf", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "required", "pattern"}
)
_NESTED = frozenset({"properties", "additionalProperties", "items", "anyOf", "oneOf", "allOf", "not"})
_SUPPORTED = _ANNOTATIONS | _ENCODINGS | _CHECKS | _NESTED
KEPT = 256
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


def may_be_text(schema: Mapping[str, Any], name: str, *, may_be_list: bool = False, may_be_null: bool = False) -> bool:
    """Return whether every value of the declared type has one spelling as text.

    Args:
        may_be_list: whether a list of such values may stand there, each in an entry of its own.
        may_be_null: whether null may stand there; it is left out.
    """
    declared = schema["properties"][name]
    types = _types(declared) - ({"null"} if may_be_null else set())
    if may_be_list and "array" in types:
        items = declared.get("items")
        scalars = isinstance(items, Mapping) and bool(_types(items)) and _types(items) <= _SCALARS
        types = types - {"array"} if scalars else types
    return types <= _SCALARS


def may_be_file_object(schema: Mapping[str, Any], name: str) -> bool:
    """Return whether a parameter is a file with a name and a media type."""
    return is_file(schema["properties"][name])


def may_be_one_file(schema: Mapping[str, Any], name: str) -> bool:
    """Return whether a parameter is a file or base64 text."""
    declared = schema["properties"][name]
    return is_file(declared) or is_base64(declared)


def may_be_file(schema: Mapping[str, Any], name: str) -> bool:
    """Return whether a parameter is a file, base64 text, or a list of one of these."""
    declared = schema.get("properties", {}).get(name, {})
    items = declared.get("items") if declared.get("type") == "array" else None
    return any(is_file(each) or is_base64(each) for each in (declared, items) if isinstance(each, Mapping))


def _types(declared: Mapping[str, Any]) -> set[str]:
    found = declared.get("type")
    return {found} if isinstance(found, str) else set(found or ())


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
        elif problem := problem_with_keywords(declared):
            yield FieldError(place, problem)


def problem_with_keywords(schema: Mapping[str, Any]) -> str | None:
    """Return why a schema, or one inside it, uses what is not supported; None if it does not."""
    if not schema.keys() <= _SUPPORTED:
        return f"A keyword is not supported here, $ref among them. Supported are: {', '.join(sorted(_SUPPORTED))}."
    if "pattern" in schema and (problem := problem_with_pattern(schema["pattern"])):
        return problem
    problems = (problem_with_keywords(child) for child in _children(schema))
    return next((problem for problem in problems if problem), None)


def _children(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the schemas inside a schema. Values of the wrong type are left to the metaschema."""
    places = [schema.get("additionalProperties"), schema.get("items"), schema.get("not")]
    named = schema.get("properties")
    places.extend(named.values() if isinstance(named, dict) else [])
    for keyword in ("anyOf", "oneOf", "allOf"):
        listed = schema.get(keyword)
        places.extend(listed if isinstance(listed, list) else [])
    return [place for place in places if isinstance(place, dict)]


def _metaschema_errors(schema: dict[str, Any], field: str) -> Iterator[FieldError]:
    place = place_of_error(write_json(schema))
    if place is not None:
        yield FieldError(f"{field}{place}", "This is not valid JSON Schema (draft 2020-12).")


@lru_cache(maxsize=KEPT)
def place_of_error(schema: str) -> str | None:
    """Return where a schema, as JSON, is not valid; None if it is. Many integrations have the same schema."""
    try:
        Draft202012Validator.check_schema(read_json(schema))
    except SchemaError as error:
        return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
    return None


def _default_errors(schema: dict[str, Any], field: str) -> Iterator[FieldError]:
    for name, declared in schema.get("properties", {}).items():
        if "default" in declared and not VALIDATOR(as_callers_see(declared)).is_valid(declared["default"]):
            yield FieldError(f"{field}.properties.{name}.default", "The default does not match the parameter.")
