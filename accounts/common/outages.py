"""Outages of the database: which exceptions mean that it cannot be used now, and one log line for many of them.

An outage is no fault of a request, so callers get `database_unavailable` and may come again (docs/api.md, "Errors"). A
query that is wrong is a fault of Coffer and stays one.
"""

import logging
import threading
import time
from typing import Any

from django.db import InterfaceError, InternalError, OperationalError

from accounts.errors import DatabaseUnavailable

LOGGED_EVERY = 60.0
"""Seconds between two log lines about outages of one kind."""

SQLSTATES = ("08", "53", "57", "55P03", "25P03")
"""PostgreSQL's connection exceptions, insufficient resources (a full disk, too many connections), shutdowns, and its
limits of time: for a statement, a lock, and a transaction that does nothing."""

SQLITE_CODES = {5, 6, 10, 13, 14}
"""SQLite's primary codes BUSY, LOCKED, IOERR, FULL and CANTOPEN."""

logger = logging.getLogger(__name__)

_logged: dict[str, float] = {}
_lock = threading.Lock()


def is_outage(fault: BaseException | None) -> bool:
    """Return whether an exception means that the database cannot be reached or used, whatever the query is."""
    if isinstance(fault, InterfaceError):
        return "connection" in str(fault)
    if not isinstance(fault, OperationalError | InternalError):
        return False
    cause: Any = fault.__cause__
    if hasattr(cause, "sqlite_errorcode"):
        return cause.sqlite_errorcode & 0xFF in SQLITE_CODES
    if not hasattr(cause, "sqlstate"):
        return False
    state = cause.sqlstate
    return state is None or state.startswith(SQLSTATES)  # without a state, the server was not reached


def as_refusal(fault: Exception) -> Exception:
    """Return the refusal for an outage, which is logged, and every other exception as it is."""
    if not is_outage(fault):
        return fault
    log_outage(fault)
    return DatabaseUnavailable()


def log_outage(fault: BaseException) -> None:
    """Log what the database or its driver says of an outage, once for each kind and minute."""
    kind = type(fault.__cause__ or fault).__name__
    with _lock:
        if time.monotonic() - _logged.get(kind, float("-inf")) < LOGGED_EVERY:
            return
        _logged[kind] = time.monotonic()
    said = (str(fault).strip().splitlines() or [""])[0]
    logger.error("The database cannot be used, so requests are answered with 503 (%s: %s)", kind, said)
