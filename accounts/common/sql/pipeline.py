"""One round trip to PostgreSQL in libpq's pipeline mode, on the connection of this thread.

psycopg offers the mode as well, with cursors that take longer than the statements themselves. Parameters and rows are
converted as it converts them. Behind pgbouncer nothing is prepared, because each transaction may get another server.
"""

import re
import select
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import count
from types import SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary

from django.db import DatabaseError
from psycopg import Connection, abc, errors, pq
from psycopg.adapt import AdaptersMap, PyFormat, Transformer
from psycopg.types.datetime import TimestamptzLoader

from accounts.common.sql.compiled import Row, Statement

_OUTDATED = {"0A000", "26000"}
"""What PostgreSQL says of a prepared statement whose columns a migration has changed, or that is gone."""

_OVER = pq.ExecStatus.PIPELINE_SYNC
_FAILED = {pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.PIPELINE_ABORTED}

_numbers = count()


class _Conversion:
    """What is kept of a connection: which statements it has prepared, and what converts its texts.

    Plans are kept as well. PostgreSQL would plan some statements each time, which takes longer than to run them.
    """

    def __init__(self, driver: "Connection[Any]", *, prepares: bool) -> None:
        self.prepares, self.prepared = prepares, set[bytes]()
        adapters = AdaptersMap(driver.adapters)
        adapters.register_loader("timestamptz", TimestamptzLoader)  # the same moments as by Django's, read in C
        self.transformer: abc.Transformer = Transformer(SimpleNamespace(adapters=adapters, connection=driver))
        if prepares:
            driver.execute("SET plan_cache_mode = force_generic_plan")


_kept: WeakKeyDictionary["Connection[Any]", _Conversion] = WeakKeyDictionary()


def in_one_round_trip(database: Any, statements: Sequence[Statement]) -> list[list[Row]]:
    """Run statements on a connection of Django outside a transaction, and return the rows of each.

    After a failure the connection is closed, because nobody knows what it still answers; the thread opens another one.

    Raises:
        django.db.Error: a statement failed, or the connection did. Nothing is written then.
    """
    try:
        return _attempt(database, statements)
    except DatabaseError as fault:
        if getattr(fault.__cause__, "sqlstate", None) not in _OUTDATED:
            raise
    return _attempt(database, statements)


def _attempt(database: Any, statements: Sequence[Statement]) -> list[list[Row]]:
    database.ensure_connection()
    driver = database.connection
    try:
        with database.wrap_database_errors:
            if driver not in _kept:
                pools = database.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")
                _kept[driver] = _Conversion(driver, prepares=not pools)
            return _exchange(driver.pgconn, _kept[driver], statements)
    except BaseException:
        database.close()
        raise


def _exchange(server: pq.abc.PGconn, kept: _Conversion, statements: Sequence[Statement]) -> list[list[Row]]:
    server.enter_pipeline_mode()
    new = _send(server, kept, statements)
    answers = list(_results(server))[len(new) :]
    server.exit_pipeline_mode()
    kept.prepared |= new
    return [_rows(kept.transformer, answer) for answer in answers]


def _send(server: pq.abc.PGconn, kept: _Conversion, statements: Sequence[Statement]) -> set[bytes]:
    """Send statements; return the names of those that are prepared by it."""
    written = [(*_written(statement.sql), _texts(kept.transformer, statement.params)) for statement in statements]
    new = {name: sql for name, sql, _ in written if kept.prepares and name not in kept.prepared}
    for name, sql in new.items():
        server.send_prepare(name, sql)
    for name, sql, params in written:
        if kept.prepares:
            server.send_query_prepared(name, params)
        else:
            server.send_query_params(sql, params)
    server.pipeline_sync()
    return set(new)


def _results(server: pq.abc.PGconn) -> Iterator[pq.abc.PGresult]:
    """Yield what the server answers, one result for each statement that is prepared or run.

    Raises:
        psycopg.Error: a statement failed, or the connection did.
    """
    poller = select.poll()
    while True:
        _receive(server, poller)
        while not server.is_busy():
            for result in iter(server.get_result, None):  # None follows at once: a statement has one result
                if result.status in _FAILED:
                    raise errors.error_from_result(result, encoding="utf-8")
                if result.status == _OVER:
                    return
                yield result


def _receive(server: pq.abc.PGconn, poller: select.poll) -> None:
    """Send what is left to send, and wait until the server has sent something."""
    while True:
        waits_to_send = server.flush()
        poller.register(server.socket, select.POLLIN | (select.POLLOUT if waits_to_send else 0))
        _, event = poller.poll()[0]
        if event & ~select.POLLOUT:
            server.consume_input()
            return


@cache
def _written(sql: str) -> tuple[bytes, bytes]:
    """Return the name of a statement, and its text as PostgreSQL takes it: `$1` for the first `%s`, `%` for `%%`."""
    numbers = count(1)
    text = re.sub("%[s%]", lambda found: "%" if found[0] == "%%" else f"${next(numbers)}", sql)
    return b"coffer_%d" % next(_numbers), text.encode()


def _texts(transformer: abc.Transformer, params: Sequence[Any]) -> Sequence[Any]:
    return transformer.dump_sequence(params, [PyFormat.TEXT] * len(params))


def _rows(transformer: abc.Transformer, result: pq.abc.PGresult) -> list[Row]:
    if not result.nfields:
        return []
    transformer.set_pgresult(result)
    return transformer.load_rows(0, result.ntuples, tuple)
