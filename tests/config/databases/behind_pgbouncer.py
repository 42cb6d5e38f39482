"""What holds behind pgbouncer alone; `test_pgbouncer.py` runs it there."""

import pytest
from django.db import connection, transaction

from accounts.common.sql.pipeline import Statement, run_together
from config.databases.advice import advice

pytestmark = pytest.mark.django_db(transaction=True)


def test_nothing_depends_on_a_session():
    assert connection.settings_dict["DISABLE_SERVER_SIDE_CURSORS"] is True
    params = connection.get_connection_params()
    assert (params["prepare_threshold"], "options" in params) == (None, False)


def test_nothing_is_prepared_for_a_round_trip():
    assert run_together([Statement("SELECT %s::int", [7])] * 2) == [[(7,)]] * 2
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        assert cursor.fetchone() == (0,)


def test_missing_limits_are_told_and_those_that_the_role_has_count():
    assert [found.code for found in advice()] == ["no_time_limits"]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '30s'")
        cursor.execute("SET LOCAL lock_timeout = '10s'")
        assert advice() == []
