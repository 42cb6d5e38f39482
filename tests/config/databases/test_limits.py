"""Limits of time on PostgreSQL: they hold, the server alone limits statements, and what runs into one is 503."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import Client

from accounts.models import User
from config.configuration.reading import Variables
from config.databases import limits
from tests.support.source import ROOT

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

IN_A_PROCESS = """
import django
django.setup()
from django.db import connection
def tell():
    with connection.cursor() as cursor:
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            cursor.execute("SELECT current_setting(%s)", [name])
            print(*cursor.fetchone())
    connection.close()
tell()
import config.asgi
tell()
"""


def test_server_limits_statements_and_commands_do_not():
    variables = {**os.environ, "COFFER_STATEMENT_SECONDS": "7", "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-c", IN_A_PROCESS]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr) == (["0", "10s", "1min", "7s", "10s", "1min"], "")


@pytest.fixture
def short(monkeypatch):
    """Limits of a second, for the connections that are made from now on."""
    for name in ("LOCK", "STATEMENT", "IDLE_TRANSACTION"):
        monkeypatch.setenv(f"COFFER_{name}_SECONDS", "1")
    of_server, database = limits.options(Variables(Path("nowhere"))), settings.DATABASES["default"]
    monkeypatch.setitem(database, "OPTIONS", {**database["OPTIONS"], **of_server["OPTIONS"]})
    monkeypatch.setitem(database, "STATEMENT_LIMIT", of_server["STATEMENT_LIMIT"])
    limits.limit_statements()
    connection.close()
    yield
    connection.close()


def slow(*_):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(5)")


def locked(*_):
    address = {name: connection.get_connection_params().get(name) for name in ("dbname", "host", "user", "password")}
    with psycopg.connect(**address) as other:
        other.execute("LOCK TABLE accounts_user")
        User.objects.count()


def idle(*_):
    with transaction.atomic():
        User.objects.count()
        time.sleep(1.3)
        User.objects.count()


@pytest.mark.parametrize("happens", [slow, locked, idle])
def test_what_runs_into_a_limit_is_503_and_the_next_request_is_served(short, monkeypatch, happens):
    browser = Client(raise_request_exception=False)
    browser.cookies["session"] = "a" * 43
    with monkeypatch.context() as patched:
        patched.setattr("config.sessions.SessionStore.load", happens)
        response = browser.get("/")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert browser.get("/readyz").json()["parts"]["database"]["code"] == "ok"
