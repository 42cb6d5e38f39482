"""Copies of the test database, for what needs one of its own: to migrate another takes several seconds."""

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from django.db import connection

from tests import postgres


def own_url() -> str:
    """The DATABASE_URL of the test database, which is on PostgreSQL."""
    name = connection.settings_dict["NAME"]
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def copy_to_postgres(url: str) -> None:
    """Copy the test database, which is on PostgreSQL, with what is committed in it, into an empty one."""
    environment = {**os.environ, "PATH": f"{postgres.binaries()}:{os.environ['PATH']}"}
    dumped = subprocess.run(["pg_dump", "--dbname", own_url()], env=environment, check=True, stdout=subprocess.PIPE)
    load = ["psql", "--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--dbname", url]
    subprocess.run(load, env=environment, check=True, stdout=subprocess.DEVNULL, input=dumped.stdout)


def copy_to_sqlite(file: Path) -> None:
    """Copy the test database, which is on SQLite, into a file."""
    connection.ensure_connection()
    with closing(sqlite3.connect(file)) as copy:
        connection.connection.backup(copy)
