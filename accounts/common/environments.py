"""The three environments."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import ClassVar


class Environment(StrEnum):
    """Where a value belongs and where a run happens (docs/concepts.md, "Environments").

    The stored text is the API's.
    """

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"

    @property
    def label(self) -> str:
        """The label that people see, such as `Development`."""
        return self.value.capitalize()

    @property
    def letter(self) -> str:
        """The letter used in tables: `D`, `S` or `P`."""
        return self.value[0].upper()

    @property
    def bit(self) -> int:
        """The bit of this environment in a stored set."""
        return 1 << list(Environment).index(self)


@dataclass(frozen=True, slots=True)
class SharedEnvironments:
    """Environments that one value was entered for, as pages address and name them together."""

    environments: tuple[Environment, ...]
    value: ClassVar[str] = "all"
    label: ClassVar[str] = "shared"


ALL_ENVIRONMENTS = frozenset(Environment)


def in_order(environments: Iterable[Environment]) -> list[Environment]:
    """Return the environments in order, from Development to Production."""
    chosen = set(environments)
    return [environment for environment in Environment if environment in chosen]


def to_mask(environments: Iterable[Environment]) -> int:
    """Return a set of environments as the integer that the database stores."""
    return sum(environment.bit for environment in set(environments))


@cache
def from_mask(mask: int) -> frozenset[Environment]:
    """Return the set of environments for an integer from the database."""
    return frozenset(environment for environment in Environment if mask & environment.bit)
