"""What an import wrote into an action, as a hash for each field, so that a later one sees who changed what."""

import hashlib
from collections.abc import Mapping
from typing import Any

from accounts.common.fields import write_json
from integrations.importing.checking import normalised
from integrations.importing.plan import PlannedAction

DESCRIPTION = "description"
WORDS = {
    "method": "method",
    "path": "path",
    "query": "query parameters",
    "headers": "headers",
    "body": "body",
    "parameters": "parameters",
    DESCRIPTION: "description",
}
"""The fields that an import writes, in words."""


def marks_of(planned: PlannedAction) -> dict[str, str]:
    """Return the hashes of what an import writes."""
    return marks(normalised(planned.config), planned.description)


def marks(config: Mapping[str, Any], description: str) -> dict[str, str]:
    """Return a hash for each field that an import writes, from a stored configuration and its description."""
    return {name: _mark(description if name == DESCRIPTION else config.get(name)) for name in WORDS}


def differing(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return the fields whose hashes differ."""
    return [name for name in WORDS if before.get(name) != after.get(name)]


def _mark(value: Any) -> str:
    return hashlib.sha256(write_json(value or None).encode()).hexdigest()[:16]
