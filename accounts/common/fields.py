"""A set of environments in one database column."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.lookups import Lookup
from typing_extensions import override

from accounts.common.environments import ALL_ENVIRONMENTS, Environment, from_mask, in_order, to_mask

if TYPE_CHECKING:
    _Column = models.PositiveSmallIntegerField[Iterable[Environment] | int, frozenset[Environment]]
else:
    _Column = models.PositiveSmallIntegerField


class EnvironmentsField(_Column):
    """A `frozenset[Environment]`, stored as a bit mask (1 Development, 2 Staging, 4 Production).

    `filter(field__has=Environment.STAGING)` asks for membership on both databases; a JSON list cannot on SQLite.
    """

    description = "A set of environments"

    @property
    def flatchoices(self) -> list[tuple[frozenset[Environment], str]]:
        """Each set and its labels in order: `Development, Staging`.

        The Django admin looks a value up here before it decides by the type of the column, which is a number. These
        are not `choices`: neither migrations nor forms see them.
        """
        return [(some, _labels(some)) for some in map(from_mask, range(1, to_mask(ALL_ENVIRONMENTS) + 1))]

    def from_db_value(self, value: int | None, *_: object) -> frozenset[Environment] | None:
        """Read the mask."""
        return None if value is None else from_mask(value)

    def to_python(self, value: Any) -> frozenset[Environment] | None:
        """Accept a mask or any iterable of environments."""
        if value is None:
            return None
        return from_mask(value) if isinstance(value, int) else frozenset(Environment(item) for item in value)

    def get_prep_value(self, value: Any) -> int | None:
        """Write the mask."""
        return value if value is None or isinstance(value, int) else to_mask(value)

    def value_to_string(self, obj: models.Model) -> str:
        """Serialise the mask."""
        return str(self.get_prep_value(self.value_from_object(obj)))


def _labels(environments: Iterable[Environment]) -> str:
    return ", ".join(environment.label for environment in in_order(environments))


@EnvironmentsField.register_lookup
class HasEnvironment(Lookup):
    """`(column & bit) > 0`."""

    lookup_name = "has"
    prepare_rhs = False

    @override
    def get_db_prep_lookup(self, value: Any, connection: Any) -> tuple[str, tuple[int, ...]]:
        """The one bit asked for."""
        return "%s", (Environment(value).bit,)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """SQL that both databases understand."""
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"({left} & {right}) > 0", (*left_params, *right_params)
