"""Coffer behind pgbouncer in transaction mode: audit log, runs, races and health work, and it says what is missing."""

import os
import subprocess
import sys
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from tests.support.databases.copies import copy_to_postgres
from tests.support.databases.pgbouncer import in_front_of
from tests.support.source import ROOT

pytestmark = [pytest.mark.postgres, pytest.mark.pgbouncer, pytest.mark.django_db]  # of which a copy is made

NAME = f"coffer_bounced_{os.getpid()}"
TESTS = [
    "tests/config/databases/behind_pgbouncer.py",
    "tests/integrations/broker/test_ledger.py",
    "tests/races/test_renaming.py::test_two_renames_onto_one_name",
]


def test_parts_of_the_suite_pass_through_it(django_db_setup):
    server, database = os.environ["DATABASE_URL"], sql.Identifier(f"test_{NAME}")
    with psycopg.connect(server, autocommit=True) as connection:
        try:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(database))
            copy_to_postgres(urlsplit(server)._replace(path=f"/test_{NAME}").geturl())
            with in_front_of(server, NAME) as url:
                environment = {**os.environ, "DATABASE_URL": url, "COFFER_PGBOUNCER": "on"}
                command = [sys.executable, "-m", "pytest", "-q", "--reuse-db", *TESTS]
                done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
        finally:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))
