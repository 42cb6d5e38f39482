"""The move of a SQLite database to PostgreSQL, and every refusal before it; prints what each attempt said, as JSON.

usage: python -m tests.support.databases.moved EMPTY MIGRATED

The environment names the SQLite database, of an earlier version; the URLs two PostgreSQL databases without rows.
"""

import io
import json
import sqlite3
import sys
from contextlib import closing
from unittest import mock

import django


def main(empty: str, url: str) -> dict[str, str]:
    """Try, refused each time, and move in the end; what was said."""
    from django.core.management import call_command
    from django.db import connection

    said = {}
    call_command("migrate", verbosity=0)
    call_command("upgrade_values", again=True, stdout=io.StringIO())
    said["elsewhere"] = attempt("sqlite:////tmp/other.sqlite3")
    said["no migrations"] = attempt(empty)
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        said["writer"] = attempt(url)
    with mock.patch("config.copying.restored.problems", lambda: ["Data key 1 does not open."]):
        said["lost key"] = attempt(url)
    said["moved"] = attempt(url)
    said["not empty"] = attempt(url)
    return said


def attempt(url: str) -> str:
    """Call the command; what it said, or why it refused."""
    from django.core.management import CommandError, call_command

    stdout = io.StringIO()
    try:
        call_command("copy_database", to=url, stdout=stdout)
    except CommandError as refusal:
        return str(refusal)
    return stdout.getvalue()


if __name__ == "__main__":
    django.setup()
    print(json.dumps(main(*sys.argv[1:])))  # noqa: T201
