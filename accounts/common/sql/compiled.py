"""Statements that are compiled once, executed with different parameters, and sent together.

Django takes longer to compile a query for one row than the database takes to run it. A compiled query is an ordinary
queryset, the same for both databases, with a condition that is filled in at each execution: `Among`. Only the SQL is
kept; rows are read each time.

The statements of a run are sent together (`pipeline`).
"""

import json
from collections import namedtuple
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models.base import ModelState
from pydantic_core import to_json
from typing_extensions import override

from accounts.common.sql.pipeline import Row, Statement, run, run_together

M = TypeVar("M")

_LEAST, _MOST = UUID(int=0), UUID(int=2**128 - 1)
"""All ids are between them. Told so, PostgreSQL expects few rows of JSON, and keeps a plan that finds each by index."""


class Among(models.Func):
    """The condition that these columns equal one of the rows that the query is run for. Supports texts and UUIDs only.

    The database compares column by column, using an index. Rows that match column by column but not as a whole are
    removed afterwards, as far as the query selects the columns.
    """

    output_field = models.BooleanField()

    def __init__(self, *columns: str, first: int = 0) -> None:
        """Take the columns, named as in `F`, and the place in the requested rows of what the first of them equals."""
        super().__init__(*columns)
        self._first = first

    def as_sql(self, compiler: Any, connection: Any, **_: Any) -> Any:  # type: ignore[override]
        """Return the SQL for PostgreSQL. It uses arrays, so the text does not depend on the number of rows."""
        types = [_array_type(column.output_field, connection) for column in self.get_source_expressions()]
        return self._conditions(compiler, [f"= ANY(%s::{kind})" for kind in types])

    @override
    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> Any:
        """Return the SQL for SQLite, which has no arrays: it uses JSON."""
        return self._conditions(compiler, ["IN (SELECT value FROM json_each(%s))"] * len(self.get_source_expressions()))

    def _conditions(self, compiler: Any, conditions: list[str]) -> Any:
        columns = self.get_source_expressions()
        sql = [f"{compiler.compile(column)[0]} {test}" for column, test in zip(columns, conditions, strict=True)]
        return " AND ".join(sql), [_Wanted(at, column) for at, column in enumerate(columns, self._first)]


class Given(models.Expression):
    """A value of the row that the query is run for, as in `filter(organization=Given(UUIDField()))`."""

    def __init__(self, field: "models.Field[Any, Any]", at: int = 0) -> None:
        """Take the type of the value, and its place in the row."""
        super().__init__(output_field=field)
        self._at = at

    @override
    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [_Given(self._at, self.output_field)]


@dataclass(frozen=True, slots=True)
class _Given:
    """A placeholder among the parameters of a compiled query for one value of the only requested row."""

    at: int
    field: Any

    def filled_in(self, rows: Collection[Row], database: Any) -> Any:
        (row,) = rows
        return self.field.get_db_prep_value(row[self.at], database)


def _array_type(field: Any, connection: Any) -> str:
    """Return `uuid[]` or `text[]`.

    A `varchar(80)[]` would make PostgreSQL cut a longer text and match a different row.
    """
    return "uuid[]" if field.db_type(connection) == "uuid" else "text[]"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A placeholder among the parameters of a compiled query for one column of the requested rows."""

    at: int
    column: Any

    def filled_in(self, rows: Collection[Row], database: Any) -> str:
        if database.vendor != "postgresql":
            convert = self.column.output_field.get_db_prep_value
            return json.dumps(list({convert(row[self.at], database) for row in rows}))
        texts = {str(row[self.at]).replace("\\", r"\\").replace('"', r"\"") for row in rows}
        return '{"' + '","'.join(texts) + '"}'  # the driver takes longer to write an array


class CompiledQuery(Generic[M]):
    """A queryset with one `Among` or several, compiled when it is first run."""

    def __init__(self, make: Callable[[], models.QuerySet[Any, M]]) -> None:
        """Compile the queryset that `make` returns: of instances with their relations, or of named values."""
        self._make = make

    def ask(self, rows: Collection[Row]) -> list[M]:
        """Return the instances whose columns equal one of the rows. Without rows no query is sent."""
        return ask_together(self.among(rows))[0]

    def ask_planned(self, rows: Collection[Row]) -> list[M]:
        """Return the same, with a plan for these rows alone; such a plan may use an index of a part of the table."""
        database = connections[DEFAULT_DB_ALIAS]
        return self.compiled.instances(run(self.compiled.statement(rows, database)), rows, database) if rows else []

    def count(self, row: Row) -> int:
        """Return the number of rows that the query finds for this one, with a plan for it alone."""
        sql, params, _ = self.compiled.statement([row], connections[DEFAULT_DB_ALIAS])
        return int(run(Statement(f"SELECT COUNT(*) FROM ({sql}) counted", params))[0][0])  # noqa: S608 - Django's SQL

    def among(self, rows: Collection[Row]) -> "Question[M]":
        """Return the question for the instances whose columns equal one of the rows, for `ask_together`."""
        return Question(self, rows)

    @cached_property
    def compiled(self) -> "_Compiled":
        """The query as the database takes it."""
        return _Compiled(self._make())


@dataclass(frozen=True, slots=True)
class Question(Generic[M]):
    """A compiled query and the rows that it is run for."""

    query: CompiledQuery[M]
    rows: Collection[Row]


def ask_together(*questions: Question[Any], writing: Sequence[Statement] = ()) -> list[list[Any]]:
    """Return the instances that each question asks for, in one round trip. A question without rows is not sent.

    The statements of `writing` are run after the questions.
    """
    database = connections[DEFAULT_DB_ALIAS]
    asking = [one.query.compiled.statement(one.rows, database) for one in questions if one.rows]
    found = iter(run_together([*asking, *writing]))
    return [one.query.compiled.instances(next(found), one.rows, database) if one.rows else [] for one in questions]


class _Compiled:
    """The SQL of a query and the steps that turn its rows into instances, as Django's `ModelIterable` does."""

    def __init__(self, queryset: models.QuerySet[Any]) -> None:
        compiler = queryset.query.get_compiler(queryset.db)
        self._sql, params = compiler.as_sql()
        self._params = tuple(params)
        self._made = _maker(queryset, compiler)
        columns = [column for column, *_ in compiler.select]
        wanted = [param for param in params if isinstance(param, _Wanted) and param.column in columns]
        self._wanted = [(param.at, columns.index(param.column)) for param in wanted]
        self._converters = [(at, *converters) for at, converters in compiler.get_converters(columns).items()]

    def statement(self, wanted: Collection[Row], database: Any) -> Statement:
        """Return the query for these rows."""
        params = [p.filled_in(wanted, database) if hasattr(p, "filled_in") else p for p in self._params]
        return Statement(self._sql, params)

    def instances(self, rows: Iterable[Row], wanted: Collection[Row], database: Any) -> list[Any]:
        """Return the instances of those rows of the answer that match a requested row as a whole."""
        found = [self._converted(list(row), database) for row in rows]
        if self._wanted and found:
            requested = {tuple([row[at] for at, _ in self._wanted]) for row in wanted}
            found = [row for row in found if tuple([row[at] for _, at in self._wanted]) in requested]
        return [self._made(row) for row in found]

    def _converted(self, row: list[Any], database: Any) -> list[Any]:
        for at, converters, column in self._converters:
            if row[at] is not None:
                for convert in converters:
                    row[at] = convert(row[at], column, database)
        return row


def _maker(queryset: models.QuerySet[Any], compiler: Any) -> Callable[[list[Any]], Any]:
    """Return what makes an instance of a row, or a named tuple of a row of `values_list`."""
    if names := queryset.query.values_select:
        return namedtuple("Values", names)._make  # type: ignore[attr-defined] # not literal
    return _instances(queryset.db, compiler.klass_info, compiler.select, compiler.annotation_col_map or ())


def _instances(
    using: str, info: Any, select: Sequence[Any], annotations: Iterable[str] = ()
) -> Callable[[list[Any]], Any]:
    """Return what makes an instance of a row, with its related objects; None where an outer join found no row.

    An instance gets its columns, and the annotations that follow them, at once. `Model.__init__` sets each as if there
    were another value to replace.
    """
    model, first, last = info["model"], info["select_fields"][0], info["select_fields"][-1]
    names = [*(column.target.attname for column, *_ in select[first : last + 1]), *annotations]
    own, key = slice(first, first + len(names)), first + names.index(model._meta.pk.attname)
    related = [(one["local_setter"], _instances(using, one, select)) for one in info.get("related_klass_infos", ())]

    def made(row: list[Any]) -> Any:
        if row[key] is None:
            return None
        instance, state = model.__new__(model), ModelState()
        state.db, state.adding = using, False
        instance.__dict__.update(zip(names, row[own], strict=True), _state=state)
        for relate, made_of in related:
            relate(instance, made_of(row))
        return instance

    return made


class CompiledWrite:
    """Writes columns of rows of a model, all rows with one statement, which gets them as JSON.

    Supports texts, whole numbers, times, UUIDs and JSON only.
    """

    def __init__(self, model: type[models.Model], updating: Collection[str] = ()) -> None:
        """Insert rows of a model, with every column that the database does not make.

        Args:
            updating: the attributes that are written to the row with the same id, instead of inserting one.
        """
        made = (models.AutoField, models.GeneratedField)
        fields = {field.attname: field for field in model._meta.concrete_fields if not isinstance(field, made)}
        self._fields = [fields[name] for name in ((*updating, "id") if updating else fields)]
        self._columns = [field.column or "" for field in self._fields]
        self._table, self._updates = model._meta.db_table, bool(updating)

    def statements(self, rows: Collection[object]) -> list[Statement]:
        """Return the statement that writes these rows, instances or not, by their attributes; none without rows."""
        named = [dict(zip(self._columns, self._read(row), strict=True)) for row in rows]
        return [Statement(self._sql, [to_json(named).decode()], writes=True)] if rows else []

    @cached_property
    def _read(self) -> Callable[[object], Row]:
        read = attrgetter(*(field.attname for field in self._fields))
        return read if connections[DEFAULT_DB_ALIAS].vendor == "postgresql" else lambda row: self._prepared(read(row))

    def _prepared(self, values: Row) -> Row:
        database = connections[DEFAULT_DB_ALIAS]
        return tuple(field.get_db_prep_save(value, database) for field, value in zip(self._fields, values, strict=True))

    @cached_property
    def _sql(self) -> str:
        database, few = connections[DEFAULT_DB_ALIAS], ""
        table, names = database.ops.quote_name(self._table), list(map(database.ops.quote_name, self._columns))
        if database.vendor == "postgresql":
            source, values = f"json_populate_recordset(NULL::{table}, %s::json)", [f"new.{name}" for name in names]
            few = f" AND new.id BETWEEN '{_LEAST}' AND '{_MOST}'"
        else:
            source, values = "json_each(%s)", [f"json_extract(new.value, '$.{name}')" for name in names]
        if not self._updates:
            return f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} FROM {source} AS new"  # noqa: S608 - names of the model
        *changes, found = [f"{name} = {value}" for name, value in zip(names, values, strict=True)]
        return f"UPDATE {table} SET {', '.join(changes)} FROM {source} AS new WHERE {table}.{found}{few}"  # noqa: S608 - names of the model
