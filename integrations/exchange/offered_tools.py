"""Tools that an upstream offers, as untrusted text.

This module reads lists of tools, makes their texts visible, and computes the fingerprint that detects changes
(docs/threat-model.md, T16). The upstream writes the definitions for people and agents to read; no code acts on them.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_NAME = 256
FINGERPRINT_LENGTH = 64

_READ_BY_AGENTS = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")

MAX_ICONS = 8
_ICON_SOURCE = re.compile(r"https://[\x21-\x7e]{1,2040}|data:image/[\x21-\x7e]{1,32768}")


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool. `definition` is everything that an agent reads about it, masked."""

    name: str
    definition: dict[str, Any] = field(hash=False)
    fingerprint: str

    @property
    def title(self) -> str:
        """The display name; may be empty."""
        return _text(self.definition.get("title"))

    @property
    def description(self) -> str:
        """The description; may be empty."""
        return _text(self.definition.get("description"))

    @property
    def rest(self) -> dict[str, Any]:
        """The definition without name and description, such as schemas and annotations."""
        return {key: value for key, value in self.definition.items() if key not in {"name", "description"}}

    @property
    def can_be_approved(self) -> bool:
        """Whether the name can be stored and recognized by people."""
        return is_plain_name(self.name)


def is_plain_name(name: str) -> bool:
    """Return whether a name is one line of 1 to `MAX_NAME` visible characters."""
    return 0 < len(name) <= MAX_NAME and name.isprintable()


def is_fingerprint(text: str) -> bool:
    """Return whether a text has the format of `fingerprint_of`."""
    return len(text) == FINGERPRINT_LENGTH and set(text) <= set("0123456789abcdef")


def read_tools(answer: object) -> list[OfferedTool]:
    """Read the tools from a masked response `{"tools": […]}`; only the first tool of each name.

    Anything else yields an empty list.
    """
    listed = answer.get("tools") if isinstance(answer, dict) else None
    tools: dict[str, OfferedTool] = {}
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            tools.setdefault(entry["name"], _tool(entry))
    return list(tools.values())


def fingerprint_of(entry: Mapping[str, Any]) -> str:
    """Return the SHA-256 of everything that agents read about a tool, in a canonical JSON form."""
    return hashlib.sha256(json.dumps(_definition(entry), sort_keys=True).encode()).hexdigest()


def visible(text: str) -> str:
    """Escape all invisible characters, so that a text can neither hide nor reorder anything."""
    return "".join(sign if sign.isprintable() or sign == "\n" else _escaped(sign) for sign in text)


def _tool(entry: Mapping[str, Any]) -> OfferedTool:
    return OfferedTool(entry["name"], _definition(entry), fingerprint_of(entry))


def _definition(entry: Mapping[str, Any]) -> dict[str, Any]:
    read = {key: _as_json(entry[key]) for key in _READ_BY_AGENTS if key in entry}
    icons = _icons(entry.get("icons"))
    return read | {"icons": icons} if icons else read


def _icons(listed: object) -> list[dict[str, Any]]:
    """Return the first icons that an agent's client may fetch. Coffer fetches none of them."""
    found = (_icon(entry) for entry in listed if isinstance(entry, dict)) if isinstance(listed, list) else ()
    return [icon for icon in found if icon][:MAX_ICONS]


def _icon(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an icon with the members that MCP knows, as far as they are texts; empty without a usable address."""
    source, sizes = entry.get("src"), entry.get("sizes")
    if not (isinstance(source, str) and _ICON_SOURCE.fullmatch(source)):
        return {}
    told = {name: entry[name] for name in ("mimeType", "theme") if isinstance(entry.get(name), str)}
    is_list = isinstance(sizes, list) and all(isinstance(size, str) for size in sizes)
    return {"src": source, **told, **({"sizes": sizes} if is_list else {})}


def _as_json(value: Any) -> Any:
    """Return a value with numbers beyond every float, such as 1e400, as texts: JSON has no infinity."""
    if isinstance(value, dict):
        return {key: _as_json(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_as_json(child) for child in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _escaped(sign: str) -> str:
    return f"\\u{{{ord(sign):x}}}"
