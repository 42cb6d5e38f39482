"""References within a description: `#/components/schemas/Contact`. Nothing outside of the document is read."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from integrations.importing import texts
from integrations.importing.drafts import NotImportable

MOST_HOPS = 16
"""How many references may lead from one to the next."""
_SHOWN = 80


class LeadsNowhere(NotImportable):
    """A reference leads to something that the document does not have."""


class Pointers:
    """Follows the references of a document."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        """Start at the outermost object."""
        self.root = root

    def follow(self, node: object) -> Mapping[str, Any]:
        """Return the object that a node is or refers to; an empty one if it is something else.

        Raises:
            NotImportable: a reference leads out of the document, nowhere, or in a circle.
        """
        for _ in range(MOST_HOPS):
            if not isinstance(node, Mapping):
                return {}
            reference = node.get("$ref")
            if not isinstance(reference, str):
                return node
            node = self._target(reference)
        raise NotImportable("It refers to something that refers to itself.")

    def _target(self, reference: str) -> object:
        shown = texts.plain(reference, _SHOWN)
        if not reference.startswith("#"):
            raise NotImportable(
                f"It refers to another document, “{shown}”, which is not read. Bundle the documents into one."
            )
        node: Any = self.root
        for step in reference.lstrip("#").strip("/").split("/"):
            name = unquote(step).replace("~1", "/").replace("~0", "~")
            try:
                node = node[int(name)] if isinstance(node, list) else node[name]
            except (KeyError, IndexError, ValueError, TypeError):
                raise LeadsNowhere(f"It refers to “{shown}”, which the document does not have.") from None
        return node
