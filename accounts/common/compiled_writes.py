"""Statements that insert and update a row: composed once, filled in with an instance each time, for `round_trips`."""

from collections.abc import Collection
from functools import cached_property

from django.db import DEFAULT_DB_ALIAS, connection, connections, models

from accounts.common.round_trips import Statement

_AS_THEY_ARE = (models.CharField, models.DateTimeField, models.ForeignKey, models.IntegerField, models.UUIDField)
"""Fields whose values the driver of PostgreSQL takes as the instance has them."""


class CompiledWrite:
    """Writes columns of rows of a model."""

    def __init__(self, model: type[models.Model], updating: Collection[str] = ()) -> None:
        """Insert rows of a model, with every column that the database does not make.

        Args:
            updating: the attributes that are written to the row with the same primary key, instead of inserting one.
        """
        self._model, self._updating = model, updating

    def statement(self, row: models.Model) -> Statement:
        """Return the statement that writes this row."""
        database = connections[DEFAULT_DB_ALIAS]
        is_postgresql = database.vendor == "postgresql"
        params = [
            value if is_postgresql and is_as_it_is else field.get_db_prep_save(value, database)
            for field, is_as_it_is in self._fields
            for value in [getattr(row, field.attname)]
        ]
        return Statement(self._sql, params, writes=True)

    @cached_property
    def _fields(self) -> list[tuple[models.Field, bool]]:
        """The fields that are written, each with whether it is one of `_AS_THEY_ARE`."""
        meta = self._model._meta
        made = [field for field in meta.concrete_fields if not (field.generated or isinstance(field, models.AutoField))]
        fields = [*map(meta.get_field, self._updating), meta.pk] if self._updating else made
        return [(field, isinstance(field, _AS_THEY_ARE)) for field in fields]

    @cached_property
    def _sql(self) -> str:
        quote = connection.ops.quote_name
        table, names = quote(self._model._meta.db_table), [quote(field.column) for field, _ in self._fields]
        if self._updating:
            values = ", ".join(f"{name} = %s" for name in names[:-1])
            return f"UPDATE {table} SET {values} WHERE {names[-1]} = %s"  # noqa: S608 - names of the model
        places = ", ".join(["%s"] * len(names))
        return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"  # noqa: S608 - names of the model
