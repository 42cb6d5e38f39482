"""Model fields: a set of environments, and JSON that keeps its order."""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q
from django.db.models.lookups import Lookup
from psycopg.types.json import Json
from typing_extensions import override

from accounts.common.environments import ALL_ENVIRONMENTS, Environment, from_mask, in_order, to_mask

if TYPE_CHECKING:
    _Column = models.PositiveSmallIntegerField[Iterable[Environment] | int, frozenset[Environment]]
else:
    _Column = models.PositiveSmallIntegerField


class EnvironmentsField(_Column):
    """A `frozenset[Environment]`, stored as a bit mask (1 Development, 2 Staging, 4 Production).

    `filter(field__has=Environment.STAGING)` tests membership on both databases; SQLite could not do so for a JSON list.
    """

    description = "A set of environments"

    @property
    def flatchoices(self) -> list[tuple[frozenset[Environment], str]]:
        """Every set of environments with its labels, such as `Development, Staging`.

        The Django admin looks a value up here before it formats the column as a number. These are not `choices`:
        migrations and forms do not see them.
        """
        return [(some, _labels(some)) for some in map(from_mask, range(1, to_mask(ALL_ENVIRONMENTS) + 1))]

    def from_db_value(self, value: int | None, *_: object) -> frozenset[Environment] | None:
        """Convert the stored mask."""
        return None if value is None else from_mask(value)

    def to_python(self, value: Any) -> frozenset[Environment] | None:
        """Convert a mask or any iterable of environments."""
        if value is None:
            return None
        return from_mask(value) if isinstance(value, int) else frozenset(Environment(item) for item in value)

    def get_prep_value(self, value: Any) -> int | None:
        """Convert to the stored mask."""
        return value if value is None or isinstance(value, int) else to_mask(value)

    def value_to_string(self, obj: models.Model) -> str:
        """Serialize as the mask."""
        return str(self.get_prep_value(self.value_from_object(obj)))


def _labels(environments: Iterable[Environment]) -> str:
    return ", ".join(environment.label for environment in in_order(environments))


@EnvironmentsField.register_lookup
class HasEnvironment(Lookup):
    """The lookup `has`: `(column & bit) > 0`."""

    lookup_name = "has"
    prepare_rhs = False

    @override
    def get_db_prep_lookup(self, value: Any, connection: Any) -> tuple[str, tuple[int, ...]]:
        """Return the environment's bit as the parameter."""
        return "%s", (Environment(value).bit,)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Return SQL that both databases understand."""
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"({left} & {right}) > 0", (*left_params, *right_params)


def concerns(column: str, environments: Iterable[Environment]) -> Q:
    """Return the condition that a column's set of environments is empty or includes one of these."""
    return reduce(or_, (Q(**{f"{column}__has": environment}) for environment in environments), Q(**{column: 0}))


class OrderedJSONField(models.JSONField):
    """JSON that is read back in the order in which it was saved, such as parameters in the order that a person chose.

    Django uses `jsonb` on PostgreSQL, which sorts names. This field uses `json`, which keeps the text. PostgreSQL has
    no equality for `json`, so queries may not compare such a column or group by it.
    """

    def db_type(self, connection: Any) -> str | None:
        """Return `json` on PostgreSQL instead of `jsonb`."""
        return "json" if connection.vendor == "postgresql" else super().db_type(connection)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Return the value as the database driver takes it."""
        if connection.vendor != "postgresql" or value is None or hasattr(value, "as_sql"):
            return super().get_db_prep_value(value, connection, prepared)
        return Json(value)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Decode texts from SQLite and from look-ups inside the JSON.

        PostgreSQL's driver has already decoded whole columns.
        """
        return super().from_db_value(value, expression, connection) if isinstance(value, str) else value
