"""Keywords of a schema of a description, as the keywords of a declaration: types, bounds, choices and words."""

from collections.abc import Iterator, Mapping
from typing import Any

from integrations.importing import texts
from integrations.importing.nodes import as_text
from integrations.templating.formats import problem_with_pattern
from integrations.templating.json_body import LARGEST_NUMBER

MOST_CHOICES = 200

_TYPES = {
    name: kind
    for kind, names in {
        "string": "string str text char date datetime date-time time uuid uri url email password byte binary",
        "integer": "integer int int32 int64 long",
        "number": "number float double decimal",
        "boolean": "boolean bool",
        "object": "object dict map hash",
        "array": "array list",
        "null": "null",
    }.items()
    for name in names.split()
}
_CHECKS = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}
_BYTES = frozenset({"byte", "base64"})
_NOT_KEPT = _BYTES | {"binary", "file"}
_LONGEST_FORMAT, _LONGEST_DEFAULT = 40, 60


def types_of(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the types of a schema; none if they are not known, or if the enumeration contradicts them."""
    types = _known_types(raw)
    if types and raw.get("nullable") is True:
        types = list(dict.fromkeys([*types, "null"]))
    if not types or not all(_is_one_of(choice, types) for choice in _listed(raw)):
        return {}
    return {"type": types[0] if len(types) == 1 else types}


def _known_types(raw: Mapping[str, Any]) -> list[str]:
    """Return the types that a schema names, or that its other keywords show."""
    written = raw.get("type")
    names = [str(name).lower() for name in (written if isinstance(written, list) else [written])]
    types = [_TYPES[name] for name in names if name in _TYPES]
    shown = [kind for kind, mark in (("object", "properties"), ("array", "items")) if raw.get(mark)]
    return list(dict.fromkeys(types or shown[:1]))


def _is_one_of(value: object, types: list[str]) -> bool:
    if value is None:
        return True  # it is added as a type
    kinds: dict[str, Any] = {"string": str, "integer": int, "number": (int, float), "boolean": bool}
    if isinstance(value, bool):
        return "boolean" in types
    return any(isinstance(value, kinds[name]) for name in types if name in kinds)


def described(raw: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if said := texts.sentences([raw.get("description") or raw.get("title"), default_of(raw)], texts.LONGEST_HINT):
        found["description"] = said
    form = raw.get("format")
    if raw.get("type") == "string" and as_text(form) in _BYTES:
        found["contentEncoding"] = "base64"
    elif isinstance(form, str) and form not in _NOT_KEPT and form.isprintable() and len(form) <= _LONGEST_FORMAT:
        found["format"] = form
    return found


def default_of(raw: Mapping[str, Any]) -> str:
    default = raw.get("default")
    if default is None or isinstance(default, list | dict) or default == "":
        return ""
    shown = str(default).lower() if isinstance(default, bool) else str(default)
    return f"Default: {shown}" if len(shown) <= _LONGEST_DEFAULT else ""


def bounds(raw: Mapping[str, Any]) -> dict[str, Any]:
    written = raw.get("type")
    types = {written} if isinstance(written, str) else set()
    found = {
        name: raw[name] for kind in types for name in _CHECKS.get(kind, ()) if _is_count(raw.get(name))
    }  # fmt: skip
    if types & {"integer", "number"}:
        found |= _range(raw)
    pattern = raw.get("pattern")
    if "string" in types and isinstance(pattern, str) and problem_with_pattern(pattern) is None:
        found["pattern"] = pattern
    return found


def _range(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the bounds of a number. `exclusiveMinimum: true` is how OpenAPI 3.0 writes it."""
    found = {}
    for name, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if _is_number(raw.get(name)):
            found[exclusive if raw.get(exclusive) is True else name] = raw[name]
        if _is_number(raw.get(exclusive)):
            found[exclusive] = raw[exclusive]
    return found


def choices(raw: Mapping[str, Any]) -> dict[str, Any]:
    listed = [*_listed(raw)]
    if not listed or len(listed) > MOST_CHOICES:
        return {}
    if raw.get("nullable") is True and None not in listed:
        listed.append(None)
    return {"enum": listed}


def _listed(raw: Mapping[str, Any]) -> Iterator[Any]:
    choices = raw.get("enum")
    listed = choices if isinstance(choices, list) else [raw["const"]] if raw.get("const") is not None else []
    seen = set()
    for choice in listed:
        key = (type(choice).__name__, str(choice))
        if not isinstance(choice, list | dict) and key not in seen:
            seen.add(key)
            yield choice


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST_NUMBER


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST_NUMBER
