"""JSON that keeps the order of its names on both databases."""

from typing import Any

from django.db import models
from psycopg.types.json import Json


class OrderedJSONField(models.JSONField):
    """A configuration comes back as it was saved: parameters in the order in which a person wrote them.

    PostgreSQL's `jsonb`, Django's choice, sorts names; its `json` keeps the text. It has no equality, so nothing may
    compare or group by such a column.
    """

    def db_type(self, connection: Any) -> str | None:
        """`json` on PostgreSQL."""
        return "json" if connection.vendor == "postgresql" else super().db_type(connection)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """The value as the driver takes it."""
        if connection.vendor != "postgresql" or value is None or hasattr(value, "as_sql"):
            return super().get_db_prep_value(value, connection, prepared)
        return Json(value)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """The driver has read `json` already; texts of SQLite and of look-ups inside the JSON are read here."""
        return super().from_db_value(value, expression, connection) if isinstance(value, str) else value
