"""A consistent copy of the database in a file (docs/backup.md). It holds sealed values and no key that opens them."""

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from django.db import connection
from django.db.utils import OperationalError
from psycopg import pq

from config.copying.errors import CannotCopy

PG_DUMP = ["pg_dump", "--format=custom", "--no-owner", "--no-privileges"]


def back_up(file: Path) -> None:
    """Write a copy of the database to a new file that only its owner may read.

    Raises:
        CannotCopy: there is such a file, it cannot be written, or the copy failed. No part of a file remains.
    """
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as problem:
        raise CannotCopy(f"{file} cannot be created: {problem.strerror}. Name a new file.") from None
    try:
        _copy_sqlite(file) if connection.vendor == "sqlite" else _dump_postgresql(file)
        with file.open("rb") as written:
            os.fsync(written.fileno())
    except BaseException:
        with suppress(FileNotFoundError):
            file.unlink()
        raise


def _copy_sqlite(file: Path) -> None:
    """Copy within one read transaction, so that writers neither wait nor show in part."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(file)])
    except OperationalError as problem:
        raise CannotCopy(f"SQLite could not write the copy: {problem}.") from None


def _dump_postgresql(file: Path) -> None:
    """Call pg_dump. What it connects with is in its environment, for everybody can read a command line."""
    if shutil.which(PG_DUMP[0]) is None:
        raise CannotCopy("pg_dump is not installed. Install PostgreSQL's client programs (postgresql-client).")
    done = subprocess.run(  # noqa: S603 - constants and the name of a file
        [*PG_DUMP, f"--file={file}"],
        env={**os.environ, **_environment()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotCopy(f"pg_dump failed: {done.stderr.strip()}")


def _environment() -> dict[str, str]:
    """Return libpq's variables for the connection of `DATABASE_URL`."""
    given = connection.get_connection_params()
    variables = {option.keyword.decode(): option.envvar for option in pq.Conninfo.get_defaults()}
    return {of.decode(): str(given[name]) for name, of in variables.items() if of and name in given}
