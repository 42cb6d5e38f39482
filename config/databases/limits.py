"""Limits of time on PostgreSQL (docs/postgresql.md, "Timeouts").

They are startup options of a connection. pgbouncer refuses those, and passes a `SET` on to whoever gets the connection
next, so behind it the limits belong to the role: `ALTER ROLE … SET`.
"""

from typing import Any

from django.conf import settings

from config.configuration.reading import Variables

LONGEST_SECONDS = 3600


def options(env: Variables) -> dict[str, Any]:
    """Return what the entry of a PostgreSQL server in `DATABASES` has for limits and for pgbouncer."""
    connect, lock, idle, statement = (
        env.number(f"COFFER_{name}_SECONDS", 1, LONGEST_SECONDS, "seconds")
        for name in ("CONNECT", "LOCK", "IDLE_TRANSACTION", "STATEMENT")
    )
    if env.switch("COFFER_PGBOUNCER"):
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
