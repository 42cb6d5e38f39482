"""What counts as an outage of the database: exceptions of real drivers, and one log line for many of them."""

import logging
import sqlite3
from contextlib import closing

import psycopg
import pytest
from django.db import InterfaceError, InternalError, OperationalError, ProgrammingError
from psycopg import errors

from accounts.common import outages
from accounts.common.outages import as_refusal, is_outage
from accounts.errors import DatabaseUnavailable


def raised(kind, cause):
    """An exception of Django as it wraps one of a driver."""
    fault = kind(str(cause))
    fault.__cause__ = cause
    return fault


def of_sqlite(path, statement):
    """The exception that SQLite raises for a statement."""
    with pytest.raises(sqlite3.OperationalError) as found, closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
    return raised(OperationalError, found.value)


def unreachable():
    """The exception of a PostgreSQL server that is not there."""
    with pytest.raises(psycopg.OperationalError) as found:
        psycopg.connect("host=/nowhere dbname=coffer_main")
    return raised(OperationalError, found.value)


def test_outages_are_told_from_faults(tmp_path):
    cases = [
        (unreachable(), True),
        (raised(OperationalError, errors.AdminShutdown()), True),
        (raised(OperationalError, errors.CannotConnectNow()), True),
        (raised(OperationalError, errors.TooManyConnections()), True),
        (raised(OperationalError, errors.DiskFull()), True),
        (raised(InterfaceError, psycopg.InterfaceError("the connection is closed")), True),
        (of_sqlite(tmp_path / "no" / "such.sqlite3", "SELECT 1"), True),
        (raised(OperationalError, errors.QueryCanceled()), True),
        (raised(OperationalError, errors.LockNotAvailable()), True),
        (raised(InternalError, errors.IdleInTransactionSessionTimeout()), True),
        (raised(InternalError, errors.InFailedSqlTransaction()), False),
        (raised(OperationalError, errors.DeadlockDetected()), False),
        (raised(InterfaceError, psycopg.InterfaceError("the cursor is closed")), False),
        (raised(ProgrammingError, errors.UndefinedTable()), False),
        (of_sqlite(tmp_path / "some.sqlite3", "SELECT * FROM nothing"), False),
        (OperationalError("of nobody"), False),
        (RuntimeError("connection"), False),
    ]
    assert [is_outage(fault) for fault, _ in cases] == [expected for _, expected in cases]


def test_one_line_per_kind_and_minute(caplog, monkeypatch):
    monkeypatch.setattr(outages, "_logged", {})
    faults = [unreachable(), raised(OperationalError, errors.DiskFull("could not extend file"))]
    with caplog.at_level(logging.ERROR):
        refusals = [as_refusal(fault) for fault in faults * 20]
    assert {type(refusal) for refusal in refusals} == {DatabaseUnavailable}
    assert [record.exc_info for record in caplog.records] == [None, None]
    assert "(OperationalError: connection is bad" in caplog.messages[0]
    assert "(DiskFull: could not extend file)" in caplog.messages[1]
    monkeypatch.setattr(outages, "LOGGED_EVERY", 0.0)
    as_refusal(faults[0])
    assert len(caplog.records) == 3
    fault = RuntimeError()
    assert as_refusal(fault) is fault
    assert len(caplog.records) == 3
