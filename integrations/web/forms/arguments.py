"""The arguments of a test: the fields of the panel, and their texts as JSON values of the declared types."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django.http import QueryDict

from integrations.web.forms.typed import READERS, as_text


def argument_fields(
    schema: Mapping[str, Any], post: Mapping[str, str], errors: Mapping[str, str] = MappingProxyType({})
) -> list[dict[str, Any]]:
    """One field for each declared parameter, filled with what was sent, at first with its default.

    Args:
        errors: what is wrong with arguments, by name.
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
    """The arguments that were sent; a blank one is left out.

    A text that is not of its parameter's type stays a text: the run refuses it and says why.
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
