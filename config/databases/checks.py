"""What `manage.py check --database default` says about the database (docs/postgresql.md)."""

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.db import DatabaseError

from config.databases.advice import advice


@checks.register(checks.Tags.database)
def check_database(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Warn of what an operator should change. A database that cannot be asked is no matter of this check."""
    try:
        found = advice() if databases and "default" in databases else []
    except DatabaseError:
        return []
    return [checks.Warning(one.reason, id=f"coffer.{one.code}") for one in found]
