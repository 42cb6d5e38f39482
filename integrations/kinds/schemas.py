"""The configurations of all kinds as JSON Schema, made from the models that read them (docs/api.md, "Kinds")."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter

from integrations.kinds import KINDS
from integrations.kinds.config_fields import REFERS_TO

Schema = dict[str, Any]

_ATTRIBUTES = "\n\nAttributes:\n"
_attributes = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE).finditer


def class_name(kind: str) -> str:
    """Return the key of a kind as the beginning of the name of a schema: `ApiAction` for `api_action`."""
    return kind.title().replace("_", "")


def schema_name(kind: str) -> str:
    """Return the name of the schema of a kind's configuration, such as `ApiActionConfig`."""
    return f"{class_name(kind)}Config"


def config_schemas(ref_template: str, *, reference: Schema | None = None) -> dict[str, Schema]:
    """Return the schemas of all configurations, and of their parts, by name.

    Args:
        ref_template: how one schema refers to another, such as `#/$defs/{model}`.
        reference: the schema of a field that refers to another integration, if not by id.
    """
    wanted = [(kind, "validation", TypeAdapter(KINDS[kind].shape)) for kind in KINDS]
    found, shared = TypeAdapter.json_schemas(wanted, ref_template=ref_template)  # type: ignore[arg-type]
    schemas: dict[str, Schema] = dict(shared.get("$defs", {}))
    for kind in KINDS:
        name, schema = schema_name(kind), found[(kind, "validation")]
        if schema != {"$ref": ref_template.format(model=name)}:
            schemas[name] = schema
        for _, field in _references(schemas[name]) if reference else ():
            field.pop("format", None)
            field.update(reference or {})
    for schema in schemas.values():
        _describe_fields(schema)
    return dict(sorted(schemas.items()))


def reference_fields(kind: str) -> dict[str, str]:
    """Return the fields of a configuration that hold the id of another integration, and its role.

    The role is `connection` or `auth_connector`.
    """
    schema = TypeAdapter(KINDS[kind].shape).json_schema()
    return {name: field[REFERS_TO] for name, field in _references(schema)}


def _references(schema: Mapping[str, Any]) -> Iterator[tuple[str, Schema]]:
    """Yield the name and the inner schema of each field that refers to another integration."""
    for name, field in schema.get("properties", {}).items():
        for one in (field, *field.get("anyOf", [])):
            if REFERS_TO in one:
                yield name, one


def _describe_fields(schema: Schema) -> None:
    """Move the attributes that a docstring describes to their fields."""
    description, _, attributes = schema.get("description", "").partition(_ATTRIBUTES)
    for found in _attributes(attributes):
        text = " ".join(found[2].split())
        schema["properties"][found[1]].setdefault("description", text[0].upper() + text[1:])
    if description:
        schema["description"] = " ".join(description.split())
