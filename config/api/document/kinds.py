"""The configurations of integrations: one schema for each kind, and unions of them where the kind is known or not."""

import copy
from typing import Any

from integrations.kinds import KINDS
from integrations.kinds.schemas import class_name, config_schemas, reference_fields, schema_name

Schemas = dict[str, Any]

REF = "#/components/schemas/{model}"
WITH_KIND = ("IntegrationIn", "IntegrationOut")
"""The schemas that have `kind` and `config`: each becomes a union of one schema for each kind."""
NAMED = {
    "anyOf": [{"type": "string"}, {"type": "null"}],
    "description": "The name of the integration, or its id.",
}


def add_configurations(schemas: Schemas) -> None:
    """Add the schemas of all configurations, and put them into the bodies that have a `config`."""
    schemas |= config_schemas(REF)
    for name in WITH_KIND:
        schemas[name] = _by_kind(name, schemas)
    _set_config(schemas["IntegrationPatch"], "The whole configuration.", [schema_name(kind) for kind in KINDS])
    _set_config(
        schemas["IntegrationPut"],
        "The whole configuration. A connection and a connector are named.",
        [_declared(kind, schemas) for kind in KINDS],
    )
    schemas["IntegrationPut"]["properties"]["kind"] = _nullable({"type": "string", "enum": list(KINDS)})


def _by_kind(name: str, schemas: Schemas) -> Schemas:
    """Add a schema of this body for each kind, and return their union."""
    variants = {}
    for kind in KINDS:
        variant = copy.deepcopy(schemas[name])
        variant["title"] = f"{class_name(kind)}{name}"
        variant["properties"]["kind"] = {"const": kind, "type": "string"}
        variant["properties"]["config"] = {"$ref": REF.format(model=schema_name(kind))}
        schemas[variant["title"]] = variant
        variants[kind] = REF.format(model=variant["title"])
    return {
        "title": name,
        "description": schemas[name]["description"],
        "oneOf": [{"$ref": ref} for ref in variants.values()],
        "discriminator": {"propertyName": "kind", "mapping": variants},
    }


def _declared(kind: str, schemas: Schemas) -> str:
    """Return the name of the schema of a configuration that names other integrations, which is added if need be."""
    fields = reference_fields(kind)
    if not fields:
        return schema_name(kind)
    schema = copy.deepcopy(schemas[schema_name(kind)])
    schema["title"] = f"Declared{schema_name(kind)}"
    schema["properties"] |= dict.fromkeys(fields, NAMED)
    schemas[schema["title"]] = schema
    return str(schema["title"])


def _set_config(schema: Schemas, description: str, names: list[str]) -> None:
    union = {"anyOf": [*({"$ref": REF.format(model=name)} for name in names), {"type": "null"}]}
    schema["properties"]["config"] = union | {"description": description}


def _nullable(schema: Schemas) -> Schemas:
    return {"anyOf": [schema, {"type": "null"}]}
