"""The arguments of a test: fields, and reading their texts as JSON values."""

import base64
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict

from accounts.common.fields import read_json
from integrations.templating.files import is_file
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
            "type": "file" if is_file(declared) else declared.get("type"),
            "required": name in required,
            "description": declared.get("description", ""),
            "example": next(map(as_text, declared.get("examples", ())), ""),
            "choices": [as_text(choice) for choice in declared.get("enum", ())],
            "error": errors.get(name, ""),
            "value": post.get(f"arg_{name}", as_text(declared["default"]) if "default" in declared else ""),
        }
        for name, declared in schema.get("properties", {}).items()
    ]


def read_arguments(
    schema: Mapping[str, Any], post: QueryDict, files: Mapping[str, UploadedFile] = MappingProxyType({})
) -> dict[str, Any]:
    """Return the arguments that were sent; blank ones are left out.

    Texts that do not match the type of their parameter are kept as texts; the run refuses them with a message.
    """
    declared = schema.get("properties", {})
    typed = {name: post.get(f"arg_{name}", "") for name in declared}
    arguments = {name: _read(text, declared[name]) for name, text in typed.items() if text}
    chosen = {name: files[f"arg_{name}"] for name in declared if f"arg_{name}" in files}
    return arguments | {name: _uploaded(file) for name, file in chosen.items()}


def _uploaded(file: UploadedFile) -> dict[str, str]:
    """Return a file as a file argument."""
    return {
        "content": base64.b64encode(file.read()).decode(),
        "name": file.name or "file",
        "media_type": file.content_type or "application/octet-stream",
    }


def _read(text: str, declared: Mapping[str, Any]) -> Any:
    for choice in declared.get("enum", ()):
        if as_text(choice) == text:
            return choice
    kind = declared.get("type")
    read = READERS.get(kind, read_json) if isinstance(kind, str) else read_json
    try:
        return read(text)
    except (ValueError, RecursionError):
        is_plain_list = kind == "array" and not text.lstrip().startswith("[")
        return [part.strip() for part in text.split(",")] if is_plain_list else text
