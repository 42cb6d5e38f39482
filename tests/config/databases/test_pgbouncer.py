"""Coffer behind pgbouncer in transaction mode: audit log, runs, races and health work, and it says what is missing."""

import os
import subprocess
import sys

import psycopg
import pytest
from psycopg import sql

from tests.support.databases.pgbouncer import in_front_of
from tests.support.source import ROOT

pytestmark = [pytest.mark.postgres, pytest.mark.pgbouncer]

NAME = f"coffer_bounced_{os.getpid()}"
TESTS = [
    "tests/config/databases/behind_pgbouncer.py",
    "tests/integrations/broker/test_ledger.py",
    "tests/races/test_renaming.py",
]


def test_parts_of_the_suite_pass_through_it():
    server = os.environ["DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as connection:
        try:
            with in_front_of(server, NAME) as url:
                environment = {**os.environ, "DATABASE_URL": url, "COFFER_PGBOUNCER": "on"}
                command = [sys.executable, "-m", "pytest", "-q", "--reuse-db", "--create-db", *TESTS]
                done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
        finally:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(f"test_{NAME}"))
            )
