"""From SQLite to PostgreSQL: everything or nothing, the same on both sides, and refused where it could go wrong."""

import json
import os
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from tests.support.databases.copies import copy_to_postgres
from tests.support.databases.old_databases import OldDatabase, loaded_on_sqlite

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]  # of which a copy is made

VERSION = "64866cb"
REFUSED = {
    "elsewhere": "This copies from SQLite to PostgreSQL: --to postgres://",
    "no migrations": "migrations are applied to one database alone. Run manage.py migrate",
    "writer": "Something writes to the SQLite database. Stop Coffer",
    "lost key": "In SQLite, so nothing was copied:\nData key 1 does not open.",
    "not empty": "The new database is not empty: ",
}
LEFT_OUT = {"coffer_cache", "django_migrations"}
"""What each database has for itself."""


@pytest.fixture
def empty():
    """A new database of the server."""
    with made(f"coffer_empty_{os.getpid()}") as url:
        yield url


@pytest.fixture
def target(django_db_setup):
    """One that is migrated and has no rows."""
    with made(f"coffer_moved_{os.getpid()}") as url:
        copy_to_postgres(url)
        yield OldDatabase(VERSION, "postgres", url)


@contextmanager
def made(name):
    """Make a database and drop it in the end; its DATABASE_URL."""
    server = os.environ["DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield server.replace("/coffer_main", f"/{name}")
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_everything_moves_or_nothing(empty, target, tmp_path):
    with loaded_on_sqlite(VERSION, tmp_path) as source:
        said = json.loads(source.run_module("tests.support.databases.moved", empty, target.url))
        number = {name: len(source.table(name).rows) for name in source.table_names()}
        assert {case: said[case] for case, sentence in REFUSED.items() if sentence not in said[case]} == {}
        assert f"Copied {sum(number[name] for name in number.keys() - LEFT_OUT)} rows." in said["moved"]
        assert target.table_names() | LEFT_OUT == source.table_names()
        assert {name: len(target.table(name).rows) for name in number.keys() - LEFT_OUT} == {
            name: number[name] for name in number.keys() - LEFT_OUT
        }
    (greatest,) = target.ask("SELECT max(id) FROM django_content_type")[0]
    assert target.ask("SELECT nextval(pg_get_serial_sequence('django_content_type', 'id'))") == [(greatest + 1,)]
    assert target.ask("SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D'") == [(0,)]
    with pytest.raises(psycopg.IntegrityError, match="append-only"):
        target.ask("DELETE FROM accounts_auditevent")
