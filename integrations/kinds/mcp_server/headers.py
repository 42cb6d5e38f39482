"""Headers that mirror a request of 2026-07-28 ("Request Metadata"), and headers that belong to the protocol.

A tool's schema marks arguments that are mirrored in a header with `x-mcp-header`.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any

PROTOCOL_VERSION, SESSION_ID = "MCP-Protocol-Version", "Mcp-Session-Id"
METHOD, NAME, PARAM = "Mcp-Method", "Mcp-Name", "Mcp-Param-"

_MARK = "x-mcp-header"
_PLAIN = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_SENTINEL = re.compile(r"=\?base64\?.*\?=", re.DOTALL)
_OWN = frozenset({"accept", "content-type", "last-event-id"})
_MIRRORED_TYPES = frozenset({"integer", "string", "boolean"})

Path = tuple[str, ...]


class BadMarkError(ValueError):
    """The `x-mcp-header` marks of a tool break the rules, so the tool may not be used."""


def is_own(name: str) -> bool:
    """Return whether the protocol sets this header, so that an integration may not."""
    return name.lower() in _OWN or name.lower().startswith("mcp-")


def header_text(text: str) -> str:
    """Encode a text for a header ("Value Encoding")."""
    if _PLAIN.fullmatch(text) and not _SENTINEL.fullmatch(text):
        return text
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


def mirrored(schema: object, arguments: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the headers that mirror a tool's arguments, as its input schema marks them.

    Raises:
        BadMarkError: a mark breaks the rules.
    """
    found = []
    for path, name in marks(schema):
        value = _at(arguments, path)
        if isinstance(value, bool | int | str):
            found.append((PARAM + name, header_text(_text(value))))
    return found


def marks(schema: object) -> list[tuple[Path, str]]:
    """Return the marked properties, each with the last part of its header's name.

    Raises:
        BadMarkError: a name is not a token or is used twice, or a mark is at a place where it is not allowed.
    """
    found = list(_marks(schema, ()))
    names = [name.lower() for _, name in found]
    if len(set(names)) != len(names) or len(found) != _count(schema):
        raise BadMarkError
    return found


def _marks(schema: object, path: Path) -> Iterator[tuple[Path, str]]:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    for key, declared in properties.items() if isinstance(properties, dict) else ():
        if not isinstance(declared, dict):
            continue
        if _MARK in declared:
            yield (*path, key), _name(declared)
        yield from _marks(declared, (*path, key))


def _name(declared: dict[str, Any]) -> str:
    name, kind = declared[_MARK], declared.get("type")
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise BadMarkError
    if not isinstance(kind, str) or kind not in _MIRRORED_TYPES:
        raise BadMarkError
    return name


def _count(node: object) -> int:
    """Count the marks anywhere in a schema, except properties that happen to be named like the mark."""
    if isinstance(node, list):
        return sum(_count(child) for child in node)
    if not isinstance(node, dict):
        return 0
    properties = node.get("properties")
    named = sum(_count(child) for child in properties.values()) if isinstance(properties, dict) else 0
    rest = sum(_count(child) for key, child in node.items() if key not in {"properties", _MARK})
    return named + rest + (_MARK in node)


def _at(arguments: Mapping[str, Any], path: Path) -> Any:
    value: Any = arguments
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _text(value: bool | int | str) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
