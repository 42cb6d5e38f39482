"""Statements that insert and update a row: composed once, filled in with an instance each time, for `round_trips`."""

from collections.abc import Collection
from functools import cached_property

from django.db import connection, models

from accounts.common.round_trips import Statement


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
        params = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in self._fields]
        return Statement(self._sql, params, writes=True)

    @cached_property
    def _fields(self) -> list[models.Field]:
        meta = self._model._meta
        if self._updating:
            return [*map(meta.get_field, self._updating), meta.pk]
        return [field for field in meta.concrete_fields if not (field.generated or isinstance(field, models.AutoField))]

    @cached_property
    def _sql(self) -> str:
        quote = connection.ops.quote_name
        table, names = quote(self._model._meta.db_table), [quote(field.column) for field in self._fields]
        if self._updating:
            values = ", ".join(f"{name} = %s" for name in names[:-1])
            return f"UPDATE {table} SET {values} WHERE {names[-1]} = %s"  # noqa: S608 - names of the model
        places = ", ".join(["%s"] * len(names))
        return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"  # noqa: S608 - names of the model
