"""Databases that earlier versions of Coffer made: dumps in `tests/config/databases/`, loaded into a fresh database.

`64866cb` was made at that commit: the demo with three days of runs, and at least one row in every table of our apps.
The file for SQLite is what `sqlite3.Connection.iterdump` gives. The file for PostgreSQL comes from
`pg_dump --no-owner --no-privileges --no-comments --rows-per-insert=200`, without its comments and its `SET` lines,
so that a driver can send it to any server. The JSON file holds the keys; they protect invented values alone.
"""

import gzip
import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "tests" / "config" / "databases"
TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    "postgres": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
}
TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgres": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
}
EVERYTHING = {
    "sqlite": "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'",
    "postgres": "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
    "UNION SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
    "UNION SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace",
}
REFUSED = (sqlite3.IntegrityError, psycopg.IntegrityError)
"""What a statement raises that a trigger refuses."""


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of a table and its rows, in an order that depends on their contents alone."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class OldDatabase:
    """A database that was loaded from a dump."""

    version: str
    vendor: str
    url: str

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Execute one statement past Django; the rows that it gives."""
        with closing(_connect(self.vendor, self.url)) as connection:
            return connection.execute(statement).fetchall()

    def table_names(self) -> set[str]:
        """The names of all tables."""
        return {name for (name,) in self.ask(TABLES[self.vendor])}

    def trigger_names(self) -> set[str]:
        """The names of all triggers."""
        return {name for (name,) in self.ask(TRIGGERS[self.vendor])}

    def names(self) -> set[str]:
        """The names of everything that is defined in it: tables, indexes, triggers, functions, types."""
        return {name for (name,) in self.ask(EVERYTHING[self.vendor])}

    def table(self, name: str, columns: tuple[str, ...] = ()) -> Table:
        """A table with these columns; with all of them unless some are named."""
        wanted = ", ".join(f'"{column}"' for column in columns) or "*"
        with closing(_connect(self.vendor, self.url)) as connection:
            cursor = connection.execute(f'SELECT {wanted} FROM "{name}"')
            found = tuple(column[0] for column in cursor.description)
            return Table(found, sorted(cursor.fetchall(), key=repr))

    def run(self, *commands: list[str]) -> list[tuple[bool, str]]:
        """Run commands of `manage.py`, one after the other, in an installation that uses this database.

        Returns:
            for each, whether it failed and what it said.
        """
        told = self.run_module("tests.support.databases.commands", json.dumps(commands))
        return [(failed, said) for failed, said in json.loads(told)]

    def run_module(self, *words: str) -> str:
        """Run `python -m WORDS …` in such an installation; what it prints.

        Raises:
            AssertionError: it failed; with what it printed.
        """
        keys = json.loads((FOLDER / f"{self.version}.json").read_text())
        environment = {**os.environ, **keys, "DATABASE_URL": self.url, "DJANGO_SETTINGS_MODULE": "config.settings"}
        environment.pop("CACHE_URL", None)
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@contextmanager
def loaded(version: str, folder: Path) -> Iterator[OldDatabase]:
    """Load the dump of a version into a new database, which goes in the end.

    Args:
        version: the commit that the dump is named after.
        folder: where a database of SQLite is put. One of PostgreSQL goes onto the server that the suite uses.
    """
    server = os.environ["DATABASE_URL"]
    with (
        _on_postgres(version, server)
        if server.startswith("postgres")
        else loaded_on_sqlite(version, folder) as database
    ):
        yield database


@contextmanager
def loaded_on_sqlite(version: str, folder: Path) -> Iterator[OldDatabase]:
    """The same, always on SQLite."""
    database = OldDatabase(version, "sqlite", f"sqlite:///{folder / f'{version}.sqlite3'}")
    with closing(_connect(database.vendor, database.url)) as connection:
        connection.executescript(_dump(version, database.vendor))
    yield database


@contextmanager
def _on_postgres(version: str, server: str) -> Iterator[OldDatabase]:
    name = f"coffer_{version}_{os.getpid()}"
    database = OldDatabase(version, "postgres", urlsplit(server)._replace(path=f"/{name}").geturl())
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            with psycopg.connect(database.url) as fresh:
                fresh.execute(_dump(version, database.vendor))
            yield database
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _dump(version: str, vendor: str) -> str:
    return gzip.decompress((FOLDER / f"{version}.{vendor}.sql.gz").read_bytes()).decode()


def _connect(vendor: str, url: str) -> Any:
    if vendor == "postgres":
        return psycopg.connect(url)
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    # Some constraints call this function, which Django adds to each connection of its own.
    connection.create_function("regexp", 2, lambda pattern, text: bool(re.search(pattern, text)), deterministic=True)
    return connection
