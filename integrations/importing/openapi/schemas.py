"""Schemas of a description, as declarations of parameters.

A declaration has no references and only keywords that are checked here (`templating/parameter_schemas.py`). What a
schema says beyond that is left out, so that a declaration accepts at least what the schema accepts; the API itself
checks the rest. Every schema is read within bounds of depth and size, so loops end.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from integrations.importing import texts
from integrations.importing.nodes import as_list, as_object, as_text
from integrations.importing.openapi.keywords import bounds, choices, default_of, described, types_of
from integrations.importing.openapi.pointers import MOST_HOPS, LeadsNowhere, Pointers
from integrations.templating.json_body import MAX_VALUE_DEPTH

FILE: dict[str, Any] = {"type": "object", "format": "file"}
ROOM = MAX_VALUE_DEPTH - 4
"""How deep a declaration may be nested as JSON: around it are two objects, and its innermost schema may have a list."""
_OF_ITEMS, _OF_MEMBERS = 1, 2
"""How much of it the schema of the items of an array takes, and that of a member or an alternative."""
MOST_IN_ONE, MOST_MEMBERS, MOST_ALTERNATIVES = 120, 64, 8


class SchemaReader:
    """Reads the schemas of one operation."""

    def __init__(self, pointers: Pointers) -> None:
        """Start with nothing read."""
        self._pointers, self._left = pointers, MOST_IN_ONE

    def declared(self, schema: object, description: object = "") -> dict[str, Any]:
        """Return the declaration of a parameter.

        Args:
            description: of the parameter; by default that of the schema.

        Raises:
            NotImportable: the schema refers to something that cannot be read.
        """
        self._left = MOST_IN_ONE
        kept = self._read(schema, ROOM)
        if isinstance(description, str) and description.strip():
            kept["description"] = texts.sentences([description, default_of(self.flat(schema))], texts.LONGEST_HINT)
        return kept

    def flat(self, schema: object) -> Mapping[str, Any]:
        """Return a schema with its references followed and the parts of `allOf` put together."""
        self._left = max(self._left, MOST_HOPS)
        return self._flat(schema, 0)

    def _flat(self, schema: object, hops: int) -> Mapping[str, Any]:
        self._left -= 1
        found = self._pointers.follow(schema)
        parts = found.get("allOf")
        if not isinstance(parts, list) or hops >= MOST_HOPS:
            return found
        merged: dict[str, Any] = {}
        for part in [*parts, {name: value for name, value in found.items() if name != "allOf"}]:
            if self._left <= 0:
                break
            _merge(merged, self._flat(part, hops + 1))
        return merged

    def _read(self, schema: object, room: int) -> dict[str, Any]:
        raw, alternatives = self._with_alternatives(self._flat(schema, 0))
        kept: dict[str, Any] = {**types_of(raw), **described(raw), **bounds(raw), **choices(raw)}
        return kept | self._inside(raw, kept.get("type", ()), alternatives, room)

    def _inside(
        self, raw: Mapping[str, Any], types: Collection[str], alternatives: Sequence[Mapping[str, Any]], room: int
    ) -> dict[str, Any]:
        """Return the keywords that hold schemas; at the bounds, only the types of the items of an array."""
        is_list = "array" in types and "items" in raw
        if room < _OF_MEMBERS or self._left <= 0:
            return {"items": self._only_type(raw["items"], room)} if is_list else {}
        kept: dict[str, Any] = {"items": self._read(self._or_any(raw["items"]), room - _OF_ITEMS)} if is_list else {}
        if "object" in types:
            kept |= self._members(raw, room)
        if alternatives:
            kept["anyOf"] = [self._read(child, room - _OF_MEMBERS) for child in alternatives]
        return kept

    def _only_type(self, schema: object, room: int) -> dict[str, Any]:
        """Return the type of a schema, where there is no room for more."""
        found = types_of(self._flat(self._or_any(schema), 0))
        return found if room or isinstance(found.get("type"), str) else {}

    def _with_alternatives(self, raw: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
        """Return a schema and its alternatives; a single one is a part of the schema, and constants are an enum."""
        for _ in range(MOST_HOPS):
            raw = _with_choices(raw)
            alternatives = self._alternatives(raw)
            if len(alternatives) != 1:
                return raw, alternatives
            raw = {**alternatives[0], **_without_alternatives(raw)}
        return raw, []

    def _alternatives(self, raw: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Return the schemas of `anyOf` or `oneOf`, without those that only say `null`."""
        listed = raw.get("anyOf") or raw.get("oneOf")
        if not isinstance(listed, list) or len(listed) > MOST_ALTERNATIVES:
            return []
        found = [self._flat(self._or_any(each), 1) for each in listed]
        others = [each for each in found if each.get("type") != "null"]
        return others if len(others) == len(found) else [{**each, "nullable": True} for each in others]

    def _members(self, raw: Mapping[str, Any], room: int) -> dict[str, Any]:
        properties = self.members_of(raw)
        shown = dict(list(properties.items())[:MOST_MEMBERS])
        kept: dict[str, Any] = {}
        if shown:
            kept["properties"] = {name: self._read(child, room - _OF_MEMBERS) for name, child in shown.items()}
        if required := [name for name in required_of(raw) if name in shown]:
            kept["required"] = required
        further = raw.get("additionalProperties")
        if isinstance(further, Mapping):
            kept["additionalProperties"] = self._read(further, room - _OF_ITEMS)
        elif further is False and len(shown) == len(properties) and not raw.get("patternProperties"):
            kept["additionalProperties"] = False
        return kept

    def members_of(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Return the properties of a schema that a request may have: those that are not read-only."""
        members = {name: self._or_any(child) for name, child in as_object(raw.get("properties")).items()}
        return {name: child for name, child in members.items() if _may_be_sent(self._pointers.follow(child))}

    def _or_any(self, schema: object) -> object:
        """Return a schema inside of another one; if it leads nowhere, one that accepts everything."""
        try:
            self._pointers.follow(schema)
        except LeadsNowhere:
            return {}
        return schema


def _may_be_sent(raw: Mapping[str, Any]) -> bool:
    return raw.get("readOnly") is not True


def required_of(raw: Mapping[str, Any]) -> list[str]:
    """Return the names that a schema requires."""
    required = raw.get("required")
    names = required if isinstance(required, list) else []
    return list(dict.fromkeys(name for name in names if isinstance(name, str)))


def only_value_of(raw: Mapping[str, Any]) -> Any:
    """Return the only value that a schema allows; None if there are several."""
    if raw.get("const") is not None:
        return raw["const"]
    choices = raw.get("enum")
    return choices[0] if isinstance(choices, list) and len(choices) == 1 else None


def is_binary(raw: Mapping[str, Any]) -> bool:
    """Return whether a schema stands for a file."""
    media_type = raw.get("contentMediaType")
    return (
        raw.get("type") == "file"
        or raw.get("format") == "binary"
        or (isinstance(media_type, str) and not raw.get("contentEncoding") and media_type != "application/json")
    )


def _merge(merged: dict[str, Any], part: Mapping[str, Any]) -> None:
    for name, value in part.items():
        before = merged.get(name)
        if name == "properties" and isinstance(before, Mapping) and isinstance(value, Mapping):
            merged[name] = {**before, **value}
        elif name == "required" and isinstance(before, list) and isinstance(value, list):
            merged[name] = [*before, *value]
        else:
            merged[name] = value


def _without_alternatives(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in raw.items() if name not in {"anyOf", "oneOf"}}


def _with_choices(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema with an enumeration in place of alternatives that are constants; titles say what numbers mean."""
    listed = [as_object(each) for each in as_list(raw.get("oneOf") or raw.get("anyOf"))]
    constants = [each.get("const") for each in listed]
    if not listed or not all(isinstance(each, str | int | float) for each in constants):
        return raw
    types = {as_text(each.get("type")) for each in listed}
    of_choices = {"type": types.pop() if len(types) == 1 else "", "description": ", ".join(_meanings(listed))}
    return {**of_choices, "enum": constants, **_without_alternatives(raw)}


def _meanings(constants: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for each in constants:
        if not isinstance(each["const"], str) and as_text(each.get("title")):
            yield f"{each['const']}: {each['title']}"
