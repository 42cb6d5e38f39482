"""Statements that PostgreSQL gets in one round trip: what they return, and every way in which the trip can fail."""

import gc
import weakref
from contextlib import nullcontext
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
from django.db import IntegrityError, OperationalError, ProgrammingError, connection, transaction

from accounts.common import observers
from accounts.common.outages import is_outage
from accounts.common.sql.compiled import ask_together
from accounts.common.sql.pipeline import Statement, run_together
from accounts.models import Organization

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

ONE = Statement("SELECT 1")
RENAMED = Statement("UPDATE accounts_organization SET name = %s", ["Harbor"], writes=True)


@pytest.fixture
def other():
    """A connection of somebody else to the same database."""
    address = {name: connection.get_connection_params().get(name) for name in ("dbname", "host", "user", "password")}
    with psycopg.connect(**address, autocommit=True) as made:
        yield made


@pytest.fixture(autouse=True)
def new_connection():
    connection.close()
    yield
    connection.close()


def kill(other):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        other.execute("SELECT pg_terminate_backend(%s, 5000)", cursor.fetchone())


def prepared():
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return {statement for (statement,) in cursor.fetchall()}


def test_rows_are_those_of_a_cursor(organization):
    values = [uuid4(), "Łódź % $1 'x'", None, True, 7, datetime(2026, 1, 2, 3, 4, 5, 678, UTC), b"\0\xff", [1.5, None]]
    types = ["uuid", "text", "text", "boolean", "bigint", "timestamptz", "bytea", "float8[]"]
    sql = f"SELECT {', '.join(f'%s::{one}' for one in types)}, 7 %% 4"
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        expected = cursor.fetchall()
    together = run_together([Statement(sql, values), ONE, Statement("SELECT 1 WHERE false"), RENAMED, ONE])
    assert together == [expected, [(1,)], [], [], [(1,)]]
    assert Organization.objects.get().name == "Harbor"


def test_statements_are_prepared_once_and_their_plans_are_kept(organization):
    for _ in range(3):
        assert run_together([ONE, RENAMED]) == [[(1,)], []]
    assert prepared() == {"SELECT 1", "UPDATE accounts_organization SET name = $1"}
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements")
        assert cursor.fetchone() == (6, 0)


def test_a_connection_that_was_closed_is_not_kept():
    run_together([ONE])
    closed = weakref.ref(connection.connection)
    connection.close()
    run_together([ONE])
    gc.collect()
    assert closed() is None


def test_much_goes_both_ways():
    text = "ä" * 5_000_000
    assert run_together([Statement("SELECT %s::text", [text]), ONE, Statement("SELECT %s::text", [text])]) == [
        [(text,)],
        [(1,)],
        [(text,)],
    ]


def test_all_or_nothing_is_written(organization):
    wrong = Statement("UPDATE accounts_organization SET id = NULL", writes=True)
    with pytest.raises(IntegrityError):
        run_together([RENAMED, wrong, ONE])
    with pytest.raises(ProgrammingError):
        run_together([RENAMED, Statement("SELECT nothing FROM nowhere")])
    assert Organization.objects.get().name == "Harbor Clinics"
    assert run_together([RENAMED, ONE]) == [[], [(1,)]]


def test_within_a_transaction_they_share_its_fate(organization):
    with pytest.raises(RuntimeError), transaction.atomic():
        run_together([RENAMED])
        assert Organization.objects.get().name == "Harbor"
        raise RuntimeError
    assert Organization.objects.get().name == "Harbor Clinics"
    assert prepared() == set()


def test_a_migration_between_two_round_trips_is_no_fault(other):
    other.execute("CREATE TABLE moving (id int, name varchar(10))")
    rows = Statement("SELECT * FROM moving")
    try:
        assert run_together([rows]) == [[]]
        other.execute("ALTER TABLE moving ALTER name TYPE text, ADD COLUMN more int")
        other.execute("INSERT INTO moving VALUES (1, 'a', 2)")
        assert run_together([rows]) == [[(1, "a", 2)]]
    finally:
        other.execute("DROP TABLE moving")


def test_statements_that_somebody_forgot_are_prepared_again():
    run_together([ONE])
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    assert run_together([ONE]) == [[(1,)]]


def ends_the_backend(other):
    run_together([ONE])
    kill(other)
    return [ONE]


def ends_it_while_it_works(_):
    return [ONE, Statement("SELECT pg_terminate_backend(pg_backend_pid())"), ONE]


def takes_too_long(_):
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 100")
    return [RENAMED, Statement("SELECT pg_sleep(20)"), ONE]


def waits_for_a_lock(other):
    other.execute("BEGIN")
    other.execute("LOCK TABLE accounts_organization")
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 100")
    return [ONE, RENAMED]


@pytest.mark.parametrize("happens", [ends_the_backend, ends_it_while_it_works, takes_too_long, waits_for_a_lock])
def test_an_outage_is_one_and_the_next_round_trip_is_made(organization, other, happens):
    with pytest.raises(OperationalError) as told:
        run_together(happens(other))
    assert is_outage(told.value)
    other.execute("ROLLBACK")
    assert run_together([ONE]) == [[(1,)]]
    assert Organization.objects.get().name == "Harbor Clinics"


def test_a_server_that_takes_no_connection_is_an_outage(monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nowhere")
    with pytest.raises(OperationalError) as told:
        run_together([ONE])
    assert is_outage(told.value)
    monkeypatch.undo()
    assert run_together([ONE]) == [[(1,)]]


def test_nothing_is_no_round_trip(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert run_together([]) == ask_together() == []


def test_statements_travel_together_also_where_they_are_timed(monkeypatch):
    def timer(execute, *arguments):
        return execute(*arguments)

    trips = []
    monkeypatch.setattr(observers, "TIMERS", [timer])
    monkeypatch.setattr(observers, "round_trip", lambda: nullcontext(trips.append(1)))
    with connection.execute_wrapper(timer):
        assert run_together([ONE, ONE]) == [[(1,)], [(1,)]]
    with connection.execute_wrapper(lambda execute, *arguments: execute(*arguments)):
        assert run_together([ONE]) == [[(1,)]]
    assert (trips, "SELECT 1" in prepared()) == ([1], True)
