"""The arguments of a test: fields, and reading their texts as JSON values."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django.http import QueryDict

from integrations.web.forms.typed import READERS, as_text


def argument_fields(
    schema: Mapping[str, Any], post: Mapping[str, str], errors: Mapping[str, str] = MappingProxyType({})
) -> list[dict[str, Any]]:
    """Return a field for each declared parameter, with the text that was sent or its default.

    Args:
        errors: the error of each argument, by name.
    """
    required = schema.get("required", ())
    return [
        {
            "name": name,
            "type": declared.get("type"),
            "required": name in required,
            "description": declared.get("description", ""),
            "choices": [as_text(choice) for choice in declared.get("enum", ())],
            "error": errors.get(name, ""),
            "value": post.get(f"arg_{name}", as_text(declared["default"]) if "default" in declared else ""),
        }
        for name, declared in schema.get("properties", {}).items()
    ]


def read_arguments(schema: Mapping[str, Any], post: QueryDict) -> dict[str, Any]:
    """Return the arguments that were sent; blank ones are left out.

    Texts that do not match the type of their parameter are kept as texts; the run refuses them with a message.
    """
    declared = schema.get("properties", {})
    typed = {name: post.get(f"arg_{name}", "") for name in declared}
    return {name: _read(text, declared[name]) for name, text in typed.items() if text}


def _read(text: str, declared: Mapping[str, Any]) -> Any:
    for choice in declared.get("enum", ()):
        if as_text(choice) == text:
            return choice
    kind = declared.get("type")
    read = READERS.get(kind, json.loads) if isinstance(kind, str) else json.loads
    try:
        return read(text)
    except (ValueError, RecursionError):
        return text
