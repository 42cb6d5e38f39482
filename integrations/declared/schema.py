"""The JSON Schema of a configuration file, for completion in editors. It is made from the models that read the file."""

import copy
from functools import cache
from typing import Any

from integrations.declared.document import Configuration, DeclaredIntegration
from integrations.kinds import KINDS
from integrations.kinds.schemas import class_name, config_schemas, schema_name

DIALECT = "https://json-schema.org/draft/2020-12/schema"
REFERENCE = "#/$defs/{model}"
NAME_OF_PARENT = {"type": "string", "description": "The name of another integration, or its id."}


@cache
def configuration_schema() -> dict[str, Any]:
    """Return the schema. Do not change it: it is built once."""
    schema = Configuration.model_json_schema(ref_template=REFERENCE)
    definitions = schema.pop("$defs")
    template = definitions.pop(DeclaredIntegration.__name__)
    kinds = {f"{class_name(kind)}Integration": _of_kind(kind, template) for kind in KINDS}
    schema["properties"]["integrations"]["additionalProperties"] = {
        "discriminator": {"propertyName": "kind"},
        "oneOf": [{"$ref": REFERENCE.format(model=name)} for name in kinds],
    }
    for section in ("secrets", "integrations", "webhooks"):
        schema["properties"][section].pop("default", None)
    configs = config_schemas(REFERENCE, reference=NAME_OF_PARENT)
    return {
        "$schema": DIALECT,
        **schema,
        "title": "Configuration of Coffer",
        "$defs": dict(sorted({**definitions, **kinds, **configs}.items())),
    }


def _of_kind(kind: str, template: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an integration of a kind: that of any, with the kind's own configuration."""
    schema = copy.deepcopy(template)
    schema["title"] = KINDS[kind].label
    schema["properties"]["kind"] = {"const": kind}
    schema["properties"]["config"] = {"$ref": REFERENCE.format(model=schema_name(kind))}
    return schema
