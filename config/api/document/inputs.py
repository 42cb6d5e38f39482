"""Fields that may be left out."""

import json
from typing import Any

NO_DEFAULT: tuple[Any, ...] = (None, "", [], {})


def drop_defaults(schemas: dict[str, Any]) -> None:
    """Say in the description what a field is when it is left out, and drop the keyword `default`.

    Generators of clients take a field with a default for one that is always there, in requests too.
    """
    for schema in schemas.values():
        for field in schema.get("properties", {}).values():
            _say_default(field)


def _say_default(field: dict[str, Any]) -> None:
    default = field.pop("default", None)
    if default in NO_DEFAULT:
        return
    said = f"By default `{default if isinstance(default, str) else json.dumps(default)}`."
    field["description"] = f"{field['description']} {said}" if field.get("description") else said
