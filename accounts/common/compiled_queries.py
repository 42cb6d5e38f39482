"""Queries that are composed once and asked many times, for other rows each time.

Django takes longer to compose a query of one row than the database takes to answer it. A compiled query is an ordinary
queryset, the same for both databases, with one condition that is filled in when it is asked: `Among`. Only its text is
kept; what it answers is read when it is asked.
"""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import connection, models
from django.db.models.query import get_related_populators
from typing_extensions import override

M = TypeVar("M", bound=models.Model)
Row = tuple[Any, ...]


class Among(models.Func):
    """The condition that these columns hold one of the rows that the query is asked for. Texts and UUIDs alone.

    The database compares column by column, along an index; what fits no row as a whole is left out afterwards.
    """

    output_field = models.BooleanField()

    def __init__(self, *columns: str) -> None:
        """The columns, as `F` names them; the query selects them."""
        super().__init__(*columns)

    def as_sql(self, compiler: Any, connection: Any, **_: Any) -> Any:  # type: ignore[override]
        """For PostgreSQL: arrays, so that the text does not depend on how many rows there are."""
        types = [_array_type(column.output_field, connection) for column in self.get_source_expressions()]
        return self._conditions(compiler, [f"= ANY(%s::{kind})" for kind in types])

    @override
    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> Any:
        """For SQLite, which has no arrays: JSON."""
        return self._conditions(compiler, ["IN (SELECT value FROM json_each(%s))"] * len(self.get_source_expressions()))

    def _conditions(self, compiler: Any, conditions: list[str]) -> Any:
        columns = self.get_source_expressions()
        sql = [f"{compiler.compile(column)[0]} {one}" for column, one in zip(columns, conditions, strict=True)]
        return " AND ".join(sql), [_Wanted(at, column) for at, column in enumerate(columns)]


def _array_type(field: Any, connection: Any) -> str:
    """No `varchar(80)[]`: PostgreSQL would cut a longer text and find another row by it."""
    return "uuid[]" if field.db_type(connection) == "uuid" else "text[]"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Stands among the parameters of a composed query where one column of the rows will be."""

    at: int
    column: Any

    def filled_in(self, rows: Collection[Row]) -> Any:
        convert = self.column.output_field.get_db_prep_value
        values = {convert(row[self.at], connection) for row in rows}
        return list(values) if connection.vendor == "postgresql" else json.dumps(list(values))


class CompiledQuery(Generic[M]):
    """A queryset with one `Among` that is composed when it is asked for the first time."""

    def __init__(self, make: Callable[[], models.QuerySet[M]]) -> None:
        """`make` gives the queryset; related objects and annotations are loaded as it says."""
        self._make = make
        self._compiled: _Compiled | None = None

    def ask(self, rows: Collection[Row]) -> list[M]:
        """The instances whose columns hold one of the rows; no rows, no question."""
        if not rows:
            return []
        if self._compiled is None:
            self._compiled = _Compiled(self._make())
        return self._compiled.ask(rows)


class _Compiled:
    """The text of a query, and how instances are made of what it answers: as Django's `ModelIterable` does."""

    def __init__(self, queryset: models.QuerySet[Any]) -> None:
        compiler = queryset.query.get_compiler(queryset.db)
        self._sql, params = compiler.as_sql()
        self._params = tuple(params)
        info, select = compiler.klass_info, compiler.select
        own = slice(info["select_fields"][0], info["select_fields"][-1] + 1)
        self._model, self._own, self._using = info["model"], own, queryset.db
        self._names = [column.target.attname for column, *_ in select[own]]
        self._related = get_related_populators(info, select, queryset.db)  # type: ignore[call-arg] # one more in 6.0
        self._annotations = compiler.annotation_col_map or {}
        columns = [column for column, *_ in select]
        self._wanted = [columns.index(param.column) for param in params if isinstance(param, _Wanted)]
        self._converters = list(compiler.get_converters(columns).items())

    def ask(self, wanted: Collection[Row]) -> list[Any]:
        """What is found, without those of which nobody asked for the whole row."""
        sql, params = self._sql, [one.filled_in(wanted) if isinstance(one, _Wanted) else one for one in self._params]
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            found = [self._converted(list(row)) for row in cursor.fetchall()]
        asked_for = set(wanted)
        return [self._instance(row) for row in found if tuple(row[at] for at in self._wanted) in asked_for]

    def _converted(self, row: list[Any]) -> list[Any]:
        for at, (converters, column) in self._converters:
            for convert in converters:
                row[at] = convert(row[at], column, connection)
        return row

    def _instance(self, row: list[Any]) -> Any:
        instance = self._model.from_db(self._using, self._names, row[self._own])
        for related in self._related:
            related.populate(row, instance)
        for name, at in self._annotations.items():
            setattr(instance, name, row[at])
        return instance
