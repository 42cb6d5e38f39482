"""The database as Django wants to be told of it: what SQLite and PostgreSQL each need."""

import os
from pathlib import Path
from typing import Any


def database(address: dict[str, Any], folder: Path) -> dict[str, Any]:
    """An entry of the setting `DATABASES`.

    Args:
        address: the parts of its URL.
        folder: where test databases of SQLite are put.
    """
    return {**address, "ATOMIC_REQUESTS": False, **(_sqlite(folder) if _is_sqlite(address) else _server())}


def _is_sqlite(address: dict[str, Any]) -> bool:
    return bool(address["ENGINE"] == "django.db.backends.sqlite3")


def _sqlite(folder: Path) -> dict[str, Any]:
    return {
        # IMMEDIATE takes the write lock when a transaction starts, so concurrent updates wait instead of failing
        # half-way.
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
        # A file, not memory: the broker's database threads have connections of their own. Two suites may run at once.
        "TEST": {"NAME": folder / f"test-{os.getpid()}.sqlite3"},
    }


def _server() -> dict[str, Any]:
    # Under ASGI a request's thread ends with it: a connection that outlived the request would be lost, and stay open.
    # Asynchronous code has long-lived database threads instead (accounts/common/database.py).
    return {"CONN_MAX_AGE": 0}
