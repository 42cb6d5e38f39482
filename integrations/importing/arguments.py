"""The parameters of a drafted action, and the placeholders that stand for them."""

import re
from collections.abc import Mapping
from typing import Any

from integrations.importing.drafts import NotImportable
from integrations.templating.parameter_schemas import MAX_PARAMETERS
from integrations.templating.placeholders import ParamPlaceholder

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST = 60


class Arguments:
    """Collects declarations; each name is given once."""

    def __init__(self) -> None:
        """Start without parameters."""
        self.properties: dict[str, dict[str, Any]] = {}
        self.required: list[str] = []

    @property
    def room(self) -> int:
        """How many more an action can have."""
        return MAX_PARAMETERS - len(self.properties)

    @property
    def is_full(self) -> bool:
        """Whether an action cannot have more."""
        return self.room <= 0

    def add(self, name: str, schema: Mapping[str, Any], *, required: bool, place: str) -> str:
        """Declare a parameter and return its placeholder.

        Args:
            place: what goes in front of a name that is taken: `body_id`.

        Raises:
            NotImportable: there are too many.
        """
        if self.is_full:
            raise NotImportable(f"It has more than {MAX_PARAMETERS} parameters, the most that an action has.")
        chosen = self._free(_as_name(name) or place, place)
        self.properties[chosen] = dict(schema)
        if required:
            self.required.append(chosen)
        return str(ParamPlaceholder(chosen))

    def declared(self) -> dict[str, Any]:
        """Return the schema of all parameters."""
        schema: dict[str, Any] = {"type": "object", "properties": self.properties}
        return schema | ({"required": self.required} if self.required else {})

    def _free(self, name: str, place: str) -> str:
        names = [name, f"{place}_{name}"[:_LONGEST], *(f"{name}_{number}" for number in range(2, MAX_PARAMETERS + 3))]
        return next(each for each in names if each not in self.properties)


def _as_name(name: str) -> str:
    """Return a name of a parameter: `filter[status]` becomes `filter_status`."""
    bare = _NOT_IN_NAMES.sub("_", name)[:_LONGEST].strip("_-") if name.strip("_") else ""
    kept = f"_{bare}" if name.startswith("_") and bare else bare
    return kept if not kept[:1].isdigit() else f"_{kept}"
