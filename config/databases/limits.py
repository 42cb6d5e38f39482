"""Limits of time on PostgreSQL (docs/postgresql.md, "Timeouts").

They are startup options of a connection. pgbouncer refuses those, and passes a `SET` on to whoever gets the connection
next, so behind it the limits belong to the role: `ALTER ROLE … SET`.
"""

from typing import Any

import environ
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

LONGEST_SECONDS = 3600


def options(env: environ.Env) -> dict[str, Any]:
    """Return what the entry of a PostgreSQL server in `DATABASES` has for limits and for pgbouncer.

    Raises:
        ImproperlyConfigured: a limit is out of range.
    """
    connect, lock, idle = (
        _seconds(env, "COFFER_CONNECT_SECONDS", 5),
        _seconds(env, "COFFER_LOCK_SECONDS", 10),
        _seconds(env, "COFFER_IDLE_TRANSACTION_SECONDS", 60),
    )
    statement = _seconds(env, "COFFER_STATEMENT_SECONDS", 30)
    if env.bool("COFFER_PGBOUNCER", default=False):
        return {"DISABLE_SERVER_SIDE_CURSORS": True, "OPTIONS": {"connect_timeout": connect}}
    limits = f"-c lock_timeout={lock}s -c idle_in_transaction_session_timeout={idle}s"
    return {
        "OPTIONS": {"connect_timeout": connect, "options": limits},
        "STATEMENT_LIMIT": f" -c statement_timeout={statement}s",
    }


def limit_statements() -> None:
    """Limit the time of each statement from now on. The server does: nobody waits for a command or a migration."""
    database = settings.DATABASES["default"]
    if limit := database.pop("STATEMENT_LIMIT", ""):
        database["OPTIONS"]["options"] += limit


def _seconds(env: environ.Env, name: str, default: int) -> int:
    seconds = env.int(name, default=default)
    if not 1 <= seconds <= LONGEST_SECONDS:
        raise ImproperlyConfigured(f"{name} is out of range. Set it to seconds from 1 to {LONGEST_SECONDS}.")
    return int(seconds)
