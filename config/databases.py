"""The setting `DATABASES`, with what SQLite and PostgreSQL each need."""

import os
from pathlib import Path
from typing import Any


def database(address: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return an entry of the setting `DATABASES`.

    Args:
        address: the parts of the database's URL.
        folder: the folder for test databases of SQLite.
    """
    return {**address, "ATOMIC_REQUESTS": False, **(_sqlite(folder) if _is_sqlite(address) else _server())}


def _is_sqlite(address: dict[str, Any]) -> bool:
    return bool(address["ENGINE"] == "django.db.backends.sqlite3")


def _sqlite(folder: Path) -> dict[str, Any]:
    return {
        # IMMEDIATE takes the write lock when a transaction starts, so concurrent updates wait instead of failing.
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
        # A file, because the database threads have their own connections. Its name allows concurrent test runs.
        "TEST": {"NAME": folder / f"test-{os.getpid()}.sqlite3"},
    }


def _server() -> dict[str, Any]:
    # Under ASGI, the thread of a request ends with the request, so a kept connection would leak. Asynchronous code uses
    # long-lived database threads instead (accounts/common/database.py).
    return {"CONN_MAX_AGE": 0}
