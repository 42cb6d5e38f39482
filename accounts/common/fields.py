"""Model fields: a set of environments, and JSON as it was written; and how such JSON is read and written."""

import json
from collections.abc import Callable, Iterable
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q
from django.db.models.fields.json import KeyTransform
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


class WrittenNumber(float):
    """A number with a fraction or exponent that keeps its spelling: `18.00` is written as `18.00`."""

    text: str

    def __new__(cls, text: str) -> "WrittenNumber":
        """Parse the text of a JSON number."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[type["WrittenNumber"], tuple[str]]:
        return type(self), (self.text,)


class RepeatedName(ValueError):  # noqa: N818 - named like the refusals
    """An object of a JSON text has the same name twice, which readers understand differently."""


def read_json(text: str) -> Any:
    """Parse a JSON text strictly, with numbers as written.

    Raises:
        RepeatedName: an object has the same name twice.
        ValueError, RecursionError: the text is not JSON.
    """
    return _DECODER.decode(text)


def holds_written(value: object) -> bool:
    """Return whether a number somewhere in a JSON value keeps its spelling."""
    if isinstance(value, dict):
        return any(map(holds_written, value.values()))
    if isinstance(value, list | tuple):
        return any(map(holds_written, value))
    return isinstance(value, WrittenNumber)


def write_json(
    value: object,
    *,
    is_ascii: bool = True,
    indent: int | None = None,
    default: Callable[[Any], Any] | None = None,
    level: int = 0,
) -> str:
    """Return a value as JSON with numbers as written, in ASCII unless told otherwise.

    Args:
        default: makes JSON of what is none, as for `json.dumps`.

    Raises:
        ValueError, TypeError, RecursionError: JSON cannot represent it.
    """
    if isinstance(value, WrittenNumber):
        return value.text
    if not isinstance(value, dict | list | tuple) or (indent is None and not level and not holds_written(value)):
        return json.dumps(value, allow_nan=False, ensure_ascii=is_ascii, default=default)

    def further(child: object) -> str:
        return write_json(child, is_ascii=is_ascii, indent=indent, default=default, level=level + 1)

    if isinstance(value, dict):
        names = (json.dumps(str(name), ensure_ascii=is_ascii) for name in value)
        members = [f"{name}: {further(child)}" for name, child in zip(names, value.values(), strict=True)]
        return _bracketed("{", members, "}", indent, level)
    return _bracketed("[", [further(child) for child in value], "]", indent, level)


def _bracketed(opening: str, entries: list[str], closing: str, indent: int | None, level: int) -> str:
    if indent is None or not entries:
        return opening + ", ".join(entries) + closing
    edge = "\n" + " " * indent * level
    return opening + ",".join(f"{edge}{' ' * indent}{entry}" for entry in entries) + edge + closing


def as_written(text: str) -> int | WrittenNumber:
    """Return an integer; `-0`, which an int cannot hold, keeps its spelling."""
    return WrittenNumber(text) if text == "-0" else int(text)


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object of its members.

    Raises:
        RepeatedName: a name stands twice.
    """
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RepeatedName
    return found


def _no_constant(_: str) -> None:
    raise ValueError


_DECODER = json.JSONDecoder(
    parse_constant=_no_constant, parse_float=WrittenNumber, parse_int=as_written, object_pairs_hook=distinct
)


def _stored(text: str) -> float:
    """Return a stored number; only what Python would spell differently keeps its spelling."""
    number = float(text)
    return number if str(number) == text else WrittenNumber(text)


_STORED = json.JSONDecoder(parse_float=_stored, parse_int=as_written)


class StoredObject(dict[str, Any]):
    """A JSON object as it was read from the database, with its text. It is not changed in place; a copy has no text."""

    __slots__ = ("text",)

    def __init__(self, members: dict[str, Any], text: str) -> None:
        super().__init__(members)
        self.text = text

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self),)


class OrderedJSONField(models.JSONField):
    """JSON that is read back as it was saved: names in their order, such as that of parameters, numbers as written.

    Django uses `jsonb` on PostgreSQL, which sorts names. This field uses `json`, which keeps the text. PostgreSQL has
    no equality for `json`, so queries may not compare such a column or group by it.
    """

    def db_type(self, connection: Any) -> str | None:
        """Return `json` on PostgreSQL instead of `jsonb`."""
        return "json" if connection.vendor == "postgresql" else super().db_type(connection)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Return the value as the database driver takes it."""
        if value is None or hasattr(value, "as_sql"):
            return super().get_db_prep_value(value, connection, prepared)
        return Json(value, dumps=write_json) if connection.vendor == "postgresql" else write_json(value)

    @override
    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        """Select the text, because PostgreSQL's driver would read the numbers of `json`."""
        return (f"({sql})::text" if compiler.connection.vendor == "postgresql" else sql), params

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Parse the text of a whole column. What is looked up inside the JSON is read as Django reads it."""
        if isinstance(value, str) and not isinstance(expression, KeyTransform):
            found = _STORED.decode(value)
            return StoredObject(found, value) if isinstance(found, dict) else found
        return super().from_db_value(value, expression, connection) if isinstance(value, str) else value
