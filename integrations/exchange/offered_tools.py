"""The tools that the other side of an integration offers, as untrusted text.

Owns: reading a list of tools, how their texts are shown, and the fingerprint by which a change is seen
(docs/threat-model.md, T16). What a tool says of itself is written by somebody else, for people and agents to read:
nothing here acts on it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_NAME = 256
FINGERPRINT_LENGTH = 64

_WHAT_AGENTS_READ = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """One tool. `definition` is everything that an agent reads of it, in words of the other side, masked."""

    name: str
    definition: dict[str, Any] = field(hash=False)
    fingerprint: str

    @property
    def title(self) -> str:
        """Its name for people; may be empty."""
        return _text(self.definition.get("title"))

    @property
    def description(self) -> str:
        """What it says it does; may be empty."""
        return _text(self.definition.get("description"))

    @property
    def rest(self) -> dict[str, Any]:
        """The definition without its name and description: the schemas, and what else there is."""
        return {key: value for key, value in self.definition.items() if key not in {"name", "description"}}

    @property
    def can_be_approved(self) -> bool:
        """Whether the name can be told from others by looking at it, and stored."""
        return is_plain_name(self.name)


def is_plain_name(name: str) -> bool:
    """One line of visible characters, of at most `MAX_NAME`."""
    return 0 < len(name) <= MAX_NAME and name.isprintable()


def is_fingerprint(text: str) -> bool:
    """Whether this is what `fingerprint_of` gives."""
    return len(text) == FINGERPRINT_LENGTH and set(text) <= set("0123456789abcdef")


def read_tools(answer: object) -> list[OfferedTool]:
    """The tools in the masked answer `{"tools": […]}`, each name once; empty where it is none."""
    listed = answer.get("tools") if isinstance(answer, dict) else None
    tools: dict[str, OfferedTool] = {}
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            tools.setdefault(entry["name"], _tool(entry))
    return list(tools.values())


def fingerprint_of(entry: Mapping[str, Any]) -> str:
    """SHA-256 over what agents read of a tool, in one spelling of JSON."""
    return hashlib.sha256(json.dumps(_definition(entry), sort_keys=True).encode()).hexdigest()


def visible(text: str) -> str:
    """The text with everything that cannot be seen written out, so that it hides nothing and reorders nothing."""
    return "".join(sign if sign.isprintable() or sign == "\n" else _written_out(sign) for sign in text)


def _tool(entry: Mapping[str, Any]) -> OfferedTool:
    return OfferedTool(entry["name"], _definition(entry), fingerprint_of(entry))


def _definition(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: entry[key] for key in _WHAT_AGENTS_READ if key in entry}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _written_out(sign: str) -> str:
    return f"\\u{{{ord(sign):x}}}"
