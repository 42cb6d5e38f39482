"""Parts of documents that may lie: what should be an object, a list or a text, and an empty one if it is not."""

from collections.abc import Mapping
from typing import Any


def as_object(node: object) -> Mapping[str, Any]:
    """Return a node that is an object; an empty one if it is something else."""
    return node if isinstance(node, Mapping) else {}


def as_list(node: object) -> list[Any]:
    """Return a node that is a list; an empty one if it is something else."""
    return node if isinstance(node, list) else []


def as_text(node: object) -> str:
    """Return a node that is a text; an empty one if it is something else."""
    return node if isinstance(node, str) else ""
