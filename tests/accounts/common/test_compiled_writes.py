"""Rows that are written with one statement: on both databases they are those that Django writes."""

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from pydantic_core import PydanticSerializationError

from accounts.common.sql.compiled import CompiledWrite
from accounts.common.sql.pipeline import run_together
from integrations.models import Run, RunSecret

pytestmark = pytest.mark.django_db

TEXT = "Łódź 😀 \\ \\n \" ' % %s $1 {} \n\t\x01\x7f\u2028"
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, timezone(timedelta(hours=5, minutes=30)))
ENDED = ("outcome", "duration_ms", "error_code", "status", "steps", "address", "answer_bytes", "sent_bytes")
INSERT, USE, UPDATE = CompiledWrite(Run), CompiledWrite(RunSecret), CompiledWrite(Run, updating=ENDED)


def made(organization, **values):
    run = {"organization": organization, "integration_id": uuid4(), "integration_name": TEXT, "kind": "api_action"}
    return Run(**run | {"caller": TEXT, "started_at": MOMENT} | values)


def stored(model, run_id, column="id"):
    """The rows of a run as the database has them, without their ids and the run's."""
    columns = [f.column for f in model._meta.concrete_fields if f.column not in {"id", "run_id"}]
    texts = [f"{name}::text" if connection.vendor == "postgresql" else f"typeof({name}), {name}" for name in columns]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(texts)} FROM {model._meta.db_table} WHERE {column} = %s",
            [Run._meta.pk.get_db_prep_save(run_id, connection)],
        )
        return cursor.fetchall()


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"note": TEXT, "operation": "", "status": 404, "outcome": "upstream_error", "request_id": "ß"},
        {"caller_id": uuid4(), "principal_id": uuid4(), "environment": "staging", "caller_kind": "user"},
        {"answer_bytes": 2**53 + 1, "sent_bytes": 2**63 - 1, "duration_ms": 0, "first_byte_ms": 2**31 - 1},
        *({"steps": steps} for steps in ([], "null", 0, True, 1.50, {TEXT: [1e300, {"b": None, "a": 0.1}], "": TEXT})),
    ],
)
def test_a_row_is_the_one_that_django_writes(organization, values):
    run = made(organization, **values)
    run_together(INSERT.statements([run]))
    (ours,) = stored(Run, run.pk)
    run.pk = uuid4()
    run.save(force_insert=True)
    assert [ours] == stored(Run, run.pk)


def test_so_is_a_row_whose_id_the_database_makes(organization):
    one, other = made(organization), made(organization)
    Run.objects.bulk_create([one, other])
    secrets = [RunSecret(run=one, secret_id=uuid4(), name=TEXT, version=3, started_at=MOMENT) for _ in range(2)]
    run_together(USE.statements(secrets))
    for secret in secrets:
        secret.run = other
    RunSecret.objects.bulk_create(secrets)
    assert sorted(stored(RunSecret, one.pk, "run_id")) == sorted(stored(RunSecret, other.pk, "run_id"))
    assert len(set(RunSecret.objects.values_list("pk", flat=True))) == 4


def test_an_update_changes_what_django_changes(organization):
    integration = uuid4()
    ours, other, left = runs = [made(organization, integration_id=integration) for _ in range(3)]
    Run.objects.bulk_create(runs)
    values = ("failed", 12, "timeout", None, {"sent": 1.5}, TEXT, 2**40, None)
    changed = dict(zip(ENDED, values, strict=True))
    run_together(UPDATE.statements([SimpleNamespace(id=ours.pk, **changed), SimpleNamespace(id=uuid4(), **changed)]))
    Run.objects.filter(pk=other.pk).update(**changed)
    assert stored(Run, ours.pk) == stored(Run, other.pk)
    assert Run.objects.get(pk=left.pk).outcome == "started"


def test_however_many_rows_are_one_statement(organization, django_assert_num_queries):
    runs = [made(organization, note=str(number)) for number in range(200)]
    with django_assert_num_queries(1):
        run_together(INSERT.statements(runs))
    ends = [SimpleNamespace(**{name: getattr(run, name) for name in ("id", *ENDED)}) for run in runs]
    for number, end in enumerate(ends):
        end.duration_ms = number
    with django_assert_num_queries(1):
        run_together(UPDATE.statements(ends))
    assert {(run.note, run.duration_ms) for run in Run.objects.all()} == {(str(n), n) for n in range(200)}
    assert INSERT.statements([]) == UPDATE.statements(()) == []


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"outcome": "unheard of"}, IntegrityError),
        ({"steps": None}, IntegrityError),
        ({"note": "\ud800"}, PydanticSerializationError),
        pytest.param({"note": "a\0"}, DataError, marks=pytest.mark.postgres),
        pytest.param({"note": "ä" * 201}, DataError, marks=pytest.mark.postgres),
        pytest.param({"status": 2**15}, DataError, marks=pytest.mark.postgres),
    ],
)
def test_a_row_that_cannot_be_written_is_refused_with_those_beside_it(organization, wrong, fault):
    with pytest.raises(fault), transaction.atomic():
        run_together(INSERT.statements([made(organization), made(organization, **wrong), made(organization)]))
    assert not Run.objects.exists()


@pytest.mark.postgres
@pytest.mark.parametrize("rows", [0, 2000])
def test_the_plan_of_an_update_finds_each_row_by_the_index(organization, rows):
    run_together(INSERT.statements([made(organization) for _ in range(rows)]))
    (update,) = UPDATE.statements([made(organization)])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute(f"PREPARE kept AS {update.sql.replace('%s', '$1')}")
        cursor.execute("EXPLAIN EXECUTE kept('[]')")
        plan = "\n".join(line for (line,) in cursor.fetchall())
        cursor.execute("DEALLOCATE kept")
    assert "Index Scan using integrations_run_pkey" in plan
    assert "Seq Scan" not in plan
