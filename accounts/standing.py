"""Queries that are composed once and asked many times, for other rows each time.

Django takes longer to compose a query of one row than the database takes to answer it. A standing query is an ordinary
queryset, the same for both databases, with one condition that is filled in when it is asked: `Among`. Only its text is
kept; what it answers is read when it is asked.
"""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from django.db import connection, models
from django.db.models.query import get_related_populators

from accounts import prepared

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

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> Any:  # noqa: ARG002
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


class StandingQuery(Generic[M]):
    """A queryset with one `Among` that is composed when it is asked for the first time."""

    def __init__(self, make: Callable[[], models.QuerySet[M]]) -> None:
        """`make` gives the queryset; related objects and annotations are loaded as it says."""
        self._make = make
        self._composed: _Composed | None = None

    def about(self, rows: Collection[Row]) -> "Question[M]":
        """The question which instances hold one of the rows in their columns."""
        return Question(self, rows)

    def ask(self, rows: Collection[Row]) -> list[M]:
        """Those instances."""
        question = self.about(rows)
        ask_together(question)
        return question.answer

    @property
    def composed(self) -> "_Composed":
        """The text of the query; composed by two threads at once, it is the same."""
        if self._composed is None:
            self._composed = _Composed(self._make())
        return self._composed


@dataclass(slots=True)
class Question(Generic[M]):
    """A standing query about some rows; `answer` is there once it was asked."""

    query: StandingQuery[M]
    rows: Collection[Row]
    answer: list[M] = field(init=False)


def ask_together(*questions: Question[Any]) -> None:
    """Ask them in one round trip, and note their answers. A question about no rows is not asked."""
    for question in questions:
        question.answer = []
    asked = [question for question in questions if question.rows]
    if not asked:
        return
    found = prepared.fetch(*(question.query.composed.statement(question.rows) for question in asked))
    for question, rows in zip(asked, found, strict=True):
        question.answer = question.query.composed.instances(rows, question.rows)


class _Composed:
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

    def statement(self, wanted: Collection[Row]) -> prepared.Statement:
        """The text with the rows among its parameters."""
        return self._sql, [one.filled_in(wanted) if isinstance(one, _Wanted) else one for one in self._params]

    def instances(self, rows: list[Row], wanted: Collection[Row]) -> list[Any]:
        """What these rows of the database are, without those of which nobody asked for the whole."""
        converted = [self._converted(list(row)) for row in rows]
        asked_for = set(wanted)
        return [self._instance(row) for row in converted if tuple(row[at] for at in self._wanted) in asked_for]

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
