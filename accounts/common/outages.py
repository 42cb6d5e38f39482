"""Outages: which exceptions mean that the database cannot be used now, or that descriptors or disk space are used up.

An outage is no fault of a request, so callers get `database_unavailable` or `out_of_resources` and may come again
(docs/api.md, "Errors"), and the log gets one line for many of them. A query that is wrong is a fault of Coffer.
"""

import errno
import logging
import os
import threading
import time
from typing import Any

from django.db import InterfaceError, InternalError, OperationalError

from accounts.errors import DatabaseUnavailable, OutOfResources, Refusal

LOGGED_EVERY = 60.0
"""Seconds between two log lines about outages of one kind."""

SQLSTATES = ("08", "53", "57", "55P03", "25P03")
"""PostgreSQL's connection exceptions, insufficient resources (a full disk, too many connections), shutdowns, and its
limits of time: for a statement, a lock, and a transaction that does nothing."""

SQLITE_CODES = {5, 6, 10, 13, 14}
"""SQLite's primary codes BUSY, LOCKED, IOERR, FULL and CANTOPEN."""

SHORTAGES = {errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT}

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


def refusal_for(fault: BaseException | None) -> Refusal | None:
    """Return the refusal for an outage of the database or a shortage; None for every other exception."""
    if is_outage(fault):
        return DatabaseUnavailable()
    return OutOfResources() if isinstance(fault, OSError) and fault.errno in SHORTAGES else None


def as_refusal(fault: Exception) -> Exception:
    """Return the refusal for an outage, which is logged, and every other exception as it is."""
    refusal = refusal_for(fault)
    if refusal is None:
        return fault
    log_outage(fault)
    return refusal


def log_outage(fault: BaseException) -> None:
    """Log what the database, its driver or the system says of an outage, once for each kind and minute."""
    if isinstance(fault, OSError):
        kind, what = errno.errorcode.get(fault.errno or 0, ""), "Descriptors or disk space are used up"
        said = os.strerror(fault.errno or 0)  # without a path
    else:
        kind, what = type(fault.__cause__ or fault).__name__, "The database cannot be used"
        said = (str(fault).strip().splitlines() or [""])[0]
    with _lock:
        if time.monotonic() - _logged.get(kind, float("-inf")) < LOGGED_EVERY:
            return
        _logged[kind] = time.monotonic()
    logger.error("%s, so requests are answered with 503 (%s: %s)", what, kind, said)
