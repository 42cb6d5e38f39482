"""The three environments, and nothing else about them."""

from collections.abc import Iterable
from enum import StrEnum
from functools import cache


class Environment(StrEnum):
    """Where a value belongs and where a run happens (docs/concepts.md, "Environments"). The stored text is the
    API's.
    """

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"

    @property
    def label(self) -> str:
        """The word shown to people: `Development`."""
        return self.value.capitalize()

    @property
    def letter(self) -> str:
        """The one-letter mark of tables: `D`, `S` or `P`."""
        return self.value[0].upper()

    @property
    def bit(self) -> int:
        """The bit that stands for this environment in a stored set."""
        return 1 << list(Environment).index(self)


ALL_ENVIRONMENTS = frozenset(Environment)


def in_order(environments: Iterable[Environment]) -> list[Environment]:
    """The given environments from Development to Production."""
    chosen = set(environments)
    return [environment for environment in Environment if environment in chosen]


def to_mask(environments: Iterable[Environment]) -> int:
    """A set of environments as the integer that the database keeps."""
    return sum(environment.bit for environment in set(environments))


@cache
def from_mask(mask: int) -> frozenset[Environment]:
    """The set of environments that an integer from the database stands for."""
    return frozenset(environment for environment in Environment if mask & environment.bit)
