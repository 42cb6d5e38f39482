"""Statements that are sent together: on PostgreSQL in one round trip, in libpq's pipeline mode.

They are prepared once for each connection: the way to the database and plans that PostgreSQL makes anew would take most
of the time of a run alone. Those of one round trip are committed together or not at all. In a transaction, on SQLite,
and where somebody wraps statements, they run one after the other.

psycopg offers the mode as well, with cursors that take longer than the statements themselves. Parameters and rows are
converted as it converts them. Behind pgbouncer nothing is prepared, because each transaction may get another server.
"""

import re
import select
from collections.abc import Sequence
from contextlib import nullcontext
from functools import cache
from itertools import count
from types import SimpleNamespace
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from psycopg import Connection, abc, errors, pq
from psycopg.adapt import AdaptersMap, PyFormat, Transformer
from psycopg.types.datetime import TimestamptzLoader

from accounts.common import observers

Row = tuple[Any, ...]

_OUTDATED = {"0A000", "26000"}
"""What PostgreSQL says of a prepared statement whose columns a migration has changed, or that is gone."""

_OVER = pq.ExecStatus.PIPELINE_SYNC
_FAILED = {pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.PIPELINE_ABORTED}


class Statement(NamedTuple):
    """A statement with `%s` for each of its parameters, and whether it writes."""

    sql: str
    params: Sequence[Any] = ()
    writes: bool = False


def run_together(statements: Sequence[Statement]) -> list[list[Row]]:
    """Run statements in this order, and return the rows of each.

    Raises:
        django.db.Error: a statement failed, or the connection did. Nothing is written then.
    """
    if not statements:
        return []
    database = connections[DEFAULT_DB_ALIAS]
    if database.vendor == "postgresql" and _is_plain(database):
        with observers.round_trip():
            return _in_one_round_trip(database, statements)
    with transaction.atomic() if sum(statement.writes for statement in statements) > 1 else nullcontext():
        return [run(statement) for statement in statements]


def run(statement: Statement) -> list[Row]:
    """Run one statement as Django does, and return its rows."""
    sql, params, _ = statement
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


def _is_plain(database: Any) -> bool:
    """Return whether nothing else concerns the statements: no transaction, and nobody who counts or wraps them."""
    wrappers = [wrapper for wrapper in database.execute_wrappers if wrapper not in observers.TIMERS]
    return not (database.in_atomic_block or wrappers or database.queries_logged)


class _Conversion:
    """What is kept of a connection: the names of the statements it has prepared, and what converts their texts.

    Plans are kept as well. PostgreSQL would plan some statements each time, which takes longer than to run them.
    """

    def __init__(self, driver: "Connection[Any]", *, prepares: bool) -> None:
        adapters = AdaptersMap(driver.adapters)
        adapters.register_loader("timestamptz", TimestamptzLoader)  # the same moments as by Django's, read in C
        self.driver, self.prepares, self.names = driver, prepares, dict[str, bytes]()
        self._context: Any = SimpleNamespace(adapters=adapters, connection=driver)
        self._writer, self._readers = Transformer(self._context), dict[str, abc.Transformer]()
        self.poller = select.poll()
        self.poller.register(driver.fileno(), select.POLLIN)
        if prepares:
            driver.execute("SET plan_cache_mode = force_generic_plan")

    def texts(self, params: Sequence[Any]) -> Sequence[Any]:
        """Return parameters as PostgreSQL takes them."""
        return self._writer.dump_sequence(params, [PyFormat.TEXT] * len(params))

    def rows(self, sql: str, result: pq.abc.PGresult) -> list[Row]:
        """Return the rows of an answer. How to read them is found out once: a prepared statement keeps its columns."""
        if not result.nfields:
            return []
        reader = self._readers.get(sql) or Transformer(self._context)
        reader.set_pgresult(result, set_loaders=sql not in self._readers)
        if self.prepares:
            self._readers[sql] = reader
        return reader.load_rows(0, result.ntuples, tuple)


_kept: WeakKeyDictionary[Any, _Conversion] = WeakKeyDictionary()
"""By Django's wrapper of the connection, which outlives it."""


def _in_one_round_trip(database: Any, statements: Sequence[Statement]) -> list[list[Row]]:
    """Run statements on a connection of Django outside a transaction, and return the rows of each.

    After a failure the connection is closed, because nobody knows what it still answers; the thread opens another one.
    """
    try:
        return _attempt(database, statements)
    except DatabaseError as fault:
        if getattr(fault.__cause__, "sqlstate", None) not in _OUTDATED:
            raise
    return _attempt(database, statements)


def _attempt(database: Any, statements: Sequence[Statement]) -> list[list[Row]]:
    if database.connection is None:
        database.ensure_connection()
    driver = database.connection
    try:
        with database.wrap_database_errors:
            kept = _kept.get(database)
            if kept is None or kept.driver is not driver:
                pools = database.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")
                kept = _kept[database] = _Conversion(driver, prepares=not pools)
            return _exchange(driver.pgconn, kept, statements)
    except BaseException:
        database.close()
        raise


def _exchange(server: pq.abc.PGconn, kept: _Conversion, statements: Sequence[Statement]) -> list[list[Row]]:
    server.enter_pipeline_mode()
    if kept.prepares:
        new = _prepare(server, kept.names, statements)
        for sql, params, _ in statements:
            server.send_query_prepared(kept.names[sql], kept.texts(params))
    else:
        new = 0
        for sql, params, _ in statements:
            server.send_query_params(_numbered(sql), kept.texts(params))
    server.pipeline_sync()
    answers = _results(server, kept.poller)[new:]
    server.exit_pipeline_mode()
    return [kept.rows(statement.sql, answer) for statement, answer in zip(statements, answers, strict=True)]


def _prepare(server: pq.abc.PGconn, names: dict[str, bytes], statements: Sequence[Statement]) -> int:
    """Prepare the statements that have no name on this connection, and return how many there were."""
    known = len(names)
    for sql, *_ in statements:
        if sql not in names:
            names[sql] = b"coffer_%d" % len(names)
            server.send_prepare(names[sql], _numbered(sql))
    return len(names) - known


def _results(server: pq.abc.PGconn, poller: select.poll) -> list[pq.abc.PGresult]:
    """Return what the server answers, one result for each statement that is prepared or run.

    Raises:
        psycopg.Error: a statement failed, or the connection did.
    """
    results: list[pq.abc.PGresult] = []
    while True:
        _receive(server, poller)
        while not server.is_busy():
            result = server.get_result()
            if result is None:  # the end of a statement, which has one result
                continue
            if result.status == _OVER:
                return results
            if result.status in _FAILED:
                raise errors.error_from_result(result, encoding="utf-8")
            results.append(result)


def _receive(server: pq.abc.PGconn, poller: select.poll) -> None:
    """Send what is left to send, and wait until the server has sent something."""
    if server.flush():
        _send_on(server)
    else:
        poller.poll()
    server.consume_input()


def _send_on(server: pq.abc.PGconn) -> None:
    """Send until there is nothing left to send, or the server sends something."""
    poller = select.poll()
    poller.register(server.socket, select.POLLIN | select.POLLOUT)
    while server.flush():
        _, event = poller.poll()[0]
        if event & ~select.POLLOUT:
            return


@cache
def _numbered(sql: str) -> bytes:
    """Return a statement as PostgreSQL takes it: `$1` for the first `%s`, `%` for `%%`."""
    numbers = count(1)
    return re.sub("%[s%]", lambda found: "%" if found[0] == "%%" else f"${next(numbers)}", sql).encode()
